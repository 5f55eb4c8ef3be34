//! What a client calls itself (RFC 9110 section 10.1.5, User-Agent), by `crawler-agents.tsv` and `windows-by-agent.tsv`.
//!
//! Keeps: a class of a closed list, numbers of Windows and of its parts. Drops: the text. The field can be forged: the
//! facts say "called itself".

use super::web_text::starts_with;
use super::{Said, system};
use auscult_report::fact::{AgentClass, Fact};

/// The class of a crawler, scanner or program; `None` for browsers and everything that is not in the list. Work is
/// bounded by [`MAX_AGENT`] and the length of the list.
pub(super) fn class(user_agent: &[u8]) -> Option<AgentClass> {
    let text = user_agent.get(..user_agent.len().min(MAX_AGENT)).unwrap_or_default();
    let mut before = b' ';
    for (at, octet) in text.iter().enumerate() {
        if !before.is_ascii_alphanumeric() {
            let rest = text.get(at..).unwrap_or_default();
            if let Some(agent) = AGENTS.iter().find(|a| starts_with(rest, a.0)) {
                return Some(agent.1);
            }
        }
        before = *octet;
    }
    None
}

/// Signs of the client's system.
pub(super) fn client_signs(user_agent: &[u8], said: &mut Said<'_>) {
    for sign in system::by_user_agent(user_agent).into_iter().flatten() {
        said.client_host(Fact::System(sign));
    }
}

/// Octets of the field that are looked at: browsers send about 120.
const MAX_AGENT: usize = 512;

/// `crawler-agents.tsv`: the start of a word, in lower case, and its class.
const AGENTS: &[(&[u8], AgentClass)] = &[
    (b"googlebot", AgentClass::Search),
    (b"googleother", AgentClass::Search),
    (b"google-inspectiontool", AgentClass::Search),
    (b"apis-google", AgentClass::Search),
    (b"bingbot", AgentClass::Search),
    (b"bingpreview/", AgentClass::Preview),
    (b"slurp", AgentClass::Search),
    (b"duckduckbot", AgentClass::Search),
    (b"yandex.com/bots", AgentClass::Search),
    (b"yandexbot", AgentClass::Search),
    (b"baiduspider", AgentClass::Search),
    (b"sogou", AgentClass::Search),
    (b"seznambot", AgentClass::Search),
    (b"petalbot", AgentClass::Search),
    (b"applebot", AgentClass::Search),
    (b"amazonbot", AgentClass::Search),
    (b"archive.org_bot", AgentClass::Archive),
    (b"ia_archiver", AgentClass::Archive),
    (b"heritrix", AgentClass::Archive),
    (b"ccbot", AgentClass::Archive),
    (b"arquivobot", AgentClass::Archive),
    (b"gptbot", AgentClass::Ai),
    (b"chatgpt-user", AgentClass::Ai),
    (b"claudebot", AgentClass::Ai),
    (b"perplexitybot/", AgentClass::Ai),
    (b"bytespider", AgentClass::Ai),
    (b"meta-externalagent/", AgentClass::Ai),
    (b"facebookexternalhit", AgentClass::Preview),
    (b"semrushbot", AgentClass::Seo),
    (b"ahrefsbot", AgentClass::Seo),
    (b"mj12bot", AgentClass::Seo),
    (b"dotbot", AgentClass::Seo),
    (b"netcraftsurveyagent", AgentClass::Survey),
    (b"censysinspect/", AgentClass::InternetScanner),
    (b"zgrab", AgentClass::InternetScanner),
    (b"expanse", AgentClass::InternetScanner),
    (b"internetmeasurement", AgentClass::InternetScanner),
    (b"l9explore", AgentClass::InternetScanner),
    (b"l9scan", AgentClass::InternetScanner),
    (b"nmap scripting engine", AgentClass::AttackTool),
    (b"masscan", AgentClass::AttackTool),
    (b"nikto", AgentClass::AttackTool),
    (b"sqlmap", AgentClass::AttackTool),
    (b"python-requests", AgentClass::Script),
    (b"go-http-client", AgentClass::Script),
    (b"curl/", AgentClass::Script),
    (b"wget", AgentClass::Script),
    (b"scrapy", AgentClass::Script),
    (b"httrack", AgentClass::Script),
    (b"headlesschrome", AgentClass::Script),
    (b"libwww-perl", AgentClass::Script),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{End, Observation};
    use auscult_report::fact::SignPlace;
    use auscult_report::subject::{HostId, Subject, Transport};
    use auscult_report::time::Timestamp;
    use auscult_report::zone::Zone;

    fn signs(agent: &str) -> Vec<(SignPlace, u8, u8, u32)> {
        let mut heard: Vec<Observation> = Vec::new();
        let mut out = |o| heard.push(o);
        let end = |n: u64| End {
            host: HostId(n),
            zone: Zone::SameSegment,
            address: [192, 168, 20, 1].into(),
            port: 80,
            passage: crate::detect::Passage::Plain,
        };
        let (at, transport) = (Timestamp(1), Transport::Tcp);
        client_signs(
            agent.as_bytes(),
            &mut Said { at, transport, server: end(1), client: end(2), key: 7, out: &mut out },
        );
        heard
            .iter()
            .map(|o| {
                assert_eq!(o.subject, Subject::Host(HostId(2)));
                match o.fact {
                    Fact::System(s) => (s.place, s.major, s.minor, s.build),
                    _ => panic!("no sign"),
                }
            })
            .collect()
    }

    #[test]
    fn crawlers_are_classed_by_what_they_call_themselves() {
        for (agent, class_) in [
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Some(AgentClass::Search)),
            ("Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", Some(AgentClass::Search)),
            ("CCBot/2.0 (https://commoncrawl.org/faq/)", Some(AgentClass::Archive)),
            ("curl/7.88.1", Some(AgentClass::Script)),
            ("Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org)", Some(AgentClass::AttackTool)),
            ("Mozilla/5.0 (X11; Linux) HeadlessChrome/100", Some(AgentClass::Script)),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0.0.0 Safari/537.36", None),
            ("myccbot-free", None),
            ("", None),
        ] {
            assert_eq!(class(agent.as_bytes()), class_, "{agent}");
        }
    }

    #[test]
    fn windows_is_told_by_its_programs() {
        assert_eq!(
            signs("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0; .NET CLR 2.0.50727)"),
            [(SignPlace::Browser, 5, 1, 0), (SignPlace::InternetExplorer, 8, 0, 0)]
        );
        assert_eq!(signs("Microsoft-CryptoAPI/5.131.2600.5512"), [(SignPlace::CryptoApi, 5, 1, 2600)]);
        assert_eq!(signs("Microsoft-CryptoAPI/5.131.3790.0"), [(SignPlace::CryptoApi, 5, 2, 3790)]);
        assert_eq!(signs("Microsoft-CryptoAPI/6.1"), [(SignPlace::CryptoApi, 6, 1, 0)]);
        assert_eq!(signs("MSIE 7.0; Trident/7.0"), [(SignPlace::InternetExplorer, 11, 0, 0)]);
        assert_eq!(signs("Windows NT 999999.1"), []);
    }
}
