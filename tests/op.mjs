// An OpenID provider (npm's oidc-provider, certified) on loopback for tests/vouched.rs: node op.mjs FOLDER-OF-THE-PACKAGE REDIRECT-ADDRESS
// Prints its address. Whoever asks is who the header `x-person` says; PKCE is required. It ends with its standard input.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [folder, redirect] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(join(folder, "lib", "index.js")));
const server = createServer();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "auscult",
      client_secret: "a-secret-of-the-test",
      redirect_uris: [redirect],
      response_types: ["code"],
      grant_types: ["authorization_code"],
    },
  ],
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  cookies: { keys: ["of the test"] },
  findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  async loadExistingGrant(context) {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId,
      accountId: context.oidc.session.accountId,
    });
    grant.addOIDCScope("openid");
    await grant.save();
    return grant;
  },
});
const answer = provider.callback();
server.on("request", (request, response) => {
  if (request.url.startsWith("/interaction/")) {
    provider.interactionFinished(request, response, { login: { accountId: request.headers["x-person"] } });
  } else {
    answer(request, response);
  }
});
process.stdin.on("end", () => process.exit(0)).resume();
console.log(issuer);
