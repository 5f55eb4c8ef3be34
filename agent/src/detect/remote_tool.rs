//! Remote-support programs: by the name that they ask for in TLS (RFC 6066 section 3), compared with a list and gone.
//!
//! Keeps: which program of the list, once a conversation is long enough to be a session. Drops: the name.

use super::{Said, Talk};
use auscult_report::fact::{Fact, RemoteTool};
use auscult_report::zone::Zone;

/// A conversation with a server of a remote-support program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    tool: RemoteTool,
}

impl Session {
    /// If the name stands in the list, and the client is one of the clinic's.
    pub(super) fn with(name: &[u8], said: &Said<'_>) -> Option<Session> {
        let tool = tool(name).filter(|_| said.client.zone != Zone::Outside)?;
        Some(Session { tool })
    }

    /// It is a session.
    pub(super) fn say(self, said: &mut Said<'_>) {
        said.client_host(Fact::RemoteTool(self.tool));
    }

    /// Counts what goes by; true when it is over: an update check is no session, so both sides must have said enough.
    pub(super) fn listen(self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> bool {
        talk.client.skip(u64::MAX);
        talk.server.skip(u64::MAX);
        let long = talk.client.heard().min(talk.server.heard()) > SESSION;
        if long {
            self.say(said);
        }
        long || (talk.client.is_ended() && talk.server.is_ended())
    }
}

/// What went by of a conversation in datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Volume {
    client: u64,
    server: u64,
}

impl Volume {
    /// Counts; true when it is a session.
    pub(super) fn add(&mut self, from_client: bool, octets: usize) -> bool {
        let side = if from_client { &mut self.client } else { &mut self.server };
        *side = side.saturating_add(u64::try_from(octets).unwrap_or(u64::MAX));
        self.client.min(self.server) > SESSION
    }
}

/// The program whose servers have this name or one below it.
fn tool(name: &[u8]) -> Option<RemoteTool> {
    let fits = |domain: &[u8]| {
        let at = name.len().checked_sub(domain.len());
        let end = at.and_then(|at| name.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(domain));
        // A domain of its own, not one that ends alike.
        end && at.is_none_or(|at| at == 0 || name.get(at.saturating_sub(1)) == Some(&b'.'))
    };
    DOMAINS.iter().find(|(domain, _)| fits(domain)).map(|(_, tool)| *tool)
}

/// Octets of each side after which it is a session: update checks and presence have a few thousand.
const SESSION: u64 = 100_000;

/// The domains of the programs' own servers. Domains that serve other things too are not here.
const DOMAINS: &[(&[u8], RemoteTool)] = &[
    (b"teamviewer.com", RemoteTool::Teamviewer),
    (b"anydesk.com", RemoteTool::Anydesk),
    (b"screenconnect.com", RemoteTool::Screenconnect),
    (b"rustdesk.com", RemoteTool::Rustdesk),
    (b"splashtop.com", RemoteTool::Splashtop),
    (b"splashtop.eu", RemoteTool::Splashtop),
    (b"logmein.com", RemoteTool::Logmein),
    (b"logmeinrescue.com", RemoteTool::Logmein),
    (b"logmein-gateway.com", RemoteTool::Logmein),
    (b"gotoassist.com", RemoteTool::Other),
    (b"gotomypc.com", RemoteTool::Other),
    (b"remotepc.com", RemoteTool::Other),
    (b"bomgarcloud.com", RemoteTool::Other),
    (b"beyondtrustcloud.com", RemoteTool::Other),
    (b"islonline.net", RemoteTool::Other),
    (b"dwservice.net", RemoteTool::Other),
    (b"supremocontrol.com", RemoteTool::Other),
    (b"ultraviewer.net", RemoteTool::Other),
    (b"hoptodesk.com", RemoteTool::Other),
    (b"aeroadmin.com", RemoteTool::Other),
    (b"ammyy.com", RemoteTool::Other),
    (b"getscreen.me", RemoteTool::Other),
    (b"remotedesktop.google.com", RemoteTool::Other),
    (b"remotedesktop-pa.googleapis.com", RemoteTool::Other),
    (b"remoteassistance.support.services.microsoft.com", RemoteTool::Other),
    (b"services.vnc.com", RemoteTool::Other),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_belongs_to_a_program_by_its_domain() {
        assert_eq!(tool(b"router13.teamviewer.com"), Some(RemoteTool::Teamviewer));
        assert_eq!(tool(b"relay-0a1b.net.AnyDesk.com"), Some(RemoteTool::Anydesk));
        assert_eq!(tool(b"anydesk.com"), Some(RemoteTool::Anydesk));
        for other in [&b"notanydesk.com"[..], b"anydesk.com.example", b"www.example", b"", b"com", b"zzcanary.example"]
        {
            assert_eq!(tool(other), None, "{other:?}");
        }
    }
}
