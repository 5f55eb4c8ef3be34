//! From the picture of a window to findings: each rule, on each subject of its kind, in each view.
//!
//! Keeps: of a service the worst of what the clients of one zone got. Drops: rules about what is not the clinic's: a
//! foreign server, to which the clinic is a client, is not the clinic's to mend.

use crate::condition::Layers;
use crate::facts::{HostPicture, Picture, ServicePicture, Variant};
use crate::knowledge::Knowledge;
use crate::rule::{Rule, Severity, Verdict, Whose};
use crate::vocabulary::{About, Name, Values};
use auscult_report::fact::Fact;
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{Sighting, Summary};
use auscult_report::zone::Zone;
use core::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What a rule found.
#[derive(Clone, Debug)]
pub struct Finding<'k> {
    /// The rule.
    pub rule: &'k Rule,
    /// What it is about.
    pub subject: Subject,
    /// How bad it is.
    pub severity: Severity,
    /// How sure, of 100; below 50 it is an observation: not counted, never a reason for an alert.
    pub confidence_percent: u8,
    /// Why it is worse, or better, than usual.
    pub because: Option<&'k str>,
    /// The zones of the clients for which it holds; none where clients do not matter.
    pub zones: Vec<Zone>,
    /// The places in [`Summary::sightings`] of what it rests on.
    pub proof: Vec<usize>,
}

/// The findings of a window, the worst first.
pub(crate) fn findings<'k>(summary: &Summary, knowledge: &'k Knowledge, picture: &Picture<'k>) -> Vec<Finding<'k>> {
    let mut places: BTreeMap<Subject, Vec<usize>> = BTreeMap::new();
    for (place, sighting) in summary.sightings.iter().enumerate() {
        places.entry(sighting.subject).or_default().push(place);
    }
    let judge = Judge { summary, knowledge, picture, places };
    let mut findings = Vec::new();
    for about in [About::Sensor, About::Site, About::Host, About::Service, About::Wireless] {
        let rules = knowledge.rules().iter().filter(|r| r.condition_for(about).is_some());
        let rules: Vec<Asking<'k>> =
            rules.map(|rule| Asking { rule, about, for_more: judge.asks_for_more(rule, about) }).collect();
        for candidate in judge.candidates(about) {
            findings.extend(rules.iter().filter_map(|asking| judge.finding(asking, &candidate)));
        }
    }
    // The worst first; among equals what is sure before what is not, then as the catalogue orders them.
    let place = |f: &Finding<'k>| knowledge.rules().iter().position(|r| r.id() == f.rule.id());
    findings.sort_by_cached_key(|f| {
        let sure = [SURE_PERCENT, SHOWN_PERCENT].iter().filter(|p| f.confidence_percent >= **p).count();
        (Reverse((f.severity, sure)), place(f), f.subject)
    });
    findings
}

/// From here a finding is alerted (`assess/knowledge/README.md`, "Confidence").
pub const SURE_PERCENT: u8 = 70;

/// From here it is shown as a finding; below it is an observation.
pub const SHOWN_PERCENT: u8 = 50;

struct Judge<'j, 'k> {
    summary: &'j Summary,
    knowledge: &'k Knowledge,
    picture: &'j Picture<'k>,
    /// Where the sightings of each subject are.
    places: BTreeMap<Subject, Vec<usize>>,
}

/// A rule, asked about one kind of subject.
struct Asking<'k> {
    rule: &'k Rule,
    about: About,
    /// It asks for single programs, or, about a host, for its services.
    for_more: bool,
}

/// A subject, with what is known of it.
struct Candidate<'j, 'k> {
    subject: Subject,
    /// Its views, without what single programs tell.
    plain: Vec<Scene<'j, 'k>>,
    /// Its views with one program each, and of a host with one service each, for the rules that ask for these.
    full: Vec<Scene<'j, 'k>>,
    /// Of a server outside to which only the clinic's own hosts are clients: its clients, as if seen from there.
    abroad: Option<&'j Values<'k>>,
}

/// One view of a subject. In its layers, the nearest that knows a name answers.
#[derive(Clone)]
struct Scene<'j, 'k> {
    here: Vec<&'j Values<'k>>,
    whole: Vec<&'j Values<'k>>,
    zone: Option<Zone>,
    /// The sighting of the program that is looked at.
    program: Option<usize>,
    /// The service of a host that is looked at.
    service: Option<Subject>,
}

impl<'j, 'k> Scene<'j, 'k> {
    fn of(layers: Vec<&'j Values<'k>>) -> Scene<'j, 'k> {
        Scene { here: layers.clone(), whole: layers, zone: None, program: None, service: None }
    }

    /// With a nearer layer.
    fn nearer(&self, here: &'j Values<'k>, whole: &'j Values<'k>) -> Scene<'j, 'k> {
        let mut scene = self.clone();
        scene.here.insert(0, here);
        scene.whole.insert(0, whole);
        scene
    }

    /// Once for each program; as it is where none was named.
    fn with_programs(&self, programs: &'j [Variant<'k>]) -> Vec<Scene<'j, 'k>> {
        if programs.is_empty() {
            return vec![self.clone()];
        }
        let with = |v: &'j Variant<'k>| Scene { program: Some(v.sighting), ..self.nearer(&v.values, &v.values) };
        programs.iter().map(with).collect()
    }

    /// Once for each zone of a service's clients; one for all where they are of one zone.
    fn with_views(&self, service: &'j ServicePicture<'k>) -> Vec<Scene<'j, 'k>> {
        if service.views.is_empty() {
            let zone = service.zones.first().copied();
            return vec![Scene { zone, ..self.nearer(&service.whole, &service.whole) }];
        }
        let with = |(zone, view)| Scene { zone: Some(zone), ..self.nearer(view, &service.whole) };
        service.views.iter().map(|(zone, view)| with((*zone, view))).collect()
    }
}

impl<'j, 'k> Judge<'j, 'k> {
    fn candidates(&self, about: About) -> Vec<Candidate<'j, 'k>> {
        let picture = self.picture;
        let place = |subject, layers| {
            let plain = vec![Scene::of(layers)];
            Candidate { subject, full: plain.clone(), plain, abroad: None }
        };
        match about {
            About::Sensor => vec![place(Subject::Sensor, vec![&picture.sensor, &picture.site])],
            About::Site => vec![place(Subject::Site, vec![&picture.site, &picture.sensor])],
            About::Wireless => {
                let layers = |values| vec![values, &picture.site, &picture.sensor];
                picture.wireless.iter().map(|(b, values)| place(Subject::Wireless(*b), layers(values))).collect()
            }
            About::Host => {
                let own = picture.hosts.iter().filter(|(_, h)| h.zone != Some(Zone::Outside));
                own.map(|(id, host)| self.host(*id, host)).collect()
            }
            About::Service => picture.services.iter().filter_map(|(s, service)| self.service(*s, service)).collect(),
        }
    }

    fn host(&self, id: HostId, host: &'j HostPicture<'k>) -> Candidate<'j, 'k> {
        let scene = Scene::of(vec![&host.values, &self.picture.site, &self.picture.sensor]);
        let mut full = scene.with_programs(&host.software);
        for (subject, service) in self.picture.services_of(id) {
            let of_service = |s: Scene<'j, 'k>| Scene { service: Some(*subject), ..s };
            let views = scene.with_views(service).into_iter();
            full.extend(views.flat_map(|s| s.with_programs(&service.software)).map(of_service));
        }
        Candidate { subject: Subject::Host(id), plain: vec![scene], full, abroad: None }
    }

    fn service(&self, subject: Subject, service: &'j ServicePicture<'k>) -> Option<Candidate<'j, 'k>> {
        let host = self.picture.hosts.get(&service.host)?;
        let plain = Scene::of(vec![&host.values, &self.picture.site, &self.picture.sensor]).with_views(service);
        let full = plain.iter().flat_map(|s| s.with_programs(&service.software)).collect();
        Some(Candidate { subject, plain, full, abroad: service.abroad.as_ref() })
    }

    /// Whether a rule asks for single programs, or, about a host, for its services.
    fn asks_for_more(&self, rule: &Rule, about: About) -> bool {
        let vocabulary = self.knowledge.vocabulary();
        rule.all_names().into_iter().any(|name| {
            let of_program = vocabulary.word(name).starts_with("sw.");
            let of_its_own = rule.about() == about;
            of_its_own && (of_program || (about == About::Host && vocabulary.about(name) == About::Service))
        })
    }

    /// What a rule finds in a candidate: the worst of its views.
    fn finding(&self, asking: &Asking<'k>, candidate: &Candidate<'j, 'k>) -> Option<Finding<'k>> {
        let Asking { rule, about, for_more } = *asking;
        let scenes = if for_more { &candidate.full } else { &candidate.plain };
        let held: Vec<(&Scene<'j, 'k>, Verdict)> = match (candidate.abroad, rule.whose()) {
            (Some(_), Whose::Own) => return None,
            // What is sent to a foreign server crosses the internet.
            (Some(abroad), Whose::Sent) => {
                scenes.iter().filter_map(|s| Some((s, s.nearer(abroad, abroad).judge(rule, about)?))).collect()
            }
            _ => scenes.iter().filter_map(|s| Some((s, s.judge(rule, about)?))).collect(),
        };
        let (_, worst) = held.iter().max_by_key(|(_, v)| (v.severity, v.confidence_percent))?;
        let zones: BTreeSet<Zone> = held.iter().filter_map(|(s, _)| s.zone).collect();
        let scenes: Vec<&Scene<'j, 'k>> = held.iter().map(|(s, _)| *s).collect();
        Some(Finding {
            rule,
            subject: candidate.subject,
            severity: worst.severity,
            confidence_percent: worst.confidence_percent,
            because: rule.reason(worst.line),
            proof: self.proof(&rule.names(about, worst.line), candidate.subject, &scenes),
            zones: zones.into_iter().collect(),
        })
    }

    /// The sightings that feed these names: of the subject, of what it sees, and in the views in which the rule held.
    fn proof(&self, names: &[Name], subject: Subject, scenes: &[&Scene<'j, 'k>]) -> Vec<usize> {
        let words: BTreeSet<&str> = names.iter().map(|n| self.knowledge.vocabulary().word(*n)).collect();
        let in_view = |place: usize, s: &Sighting, scene: &Scene<'j, 'k>| {
            let is_its_own = s.subject == subject || Some(s.subject) == scene.service;
            let is_its_zone = s.zone.is_none() || scene.zone.is_none() || s.zone == scene.zone;
            let is_its_program = !matches!(s.fact, Fact::Software(_)) || scene.program.is_none_or(|p| p == place);
            is_its_own && is_its_zone && is_its_program
        };
        let is_seen = |place: usize, s: &Sighting| {
            is_seen_from(subject, s) || scenes.iter().any(|scene| in_view(place, s, scene))
        };
        let feeds = |s: &Sighting| s.fact.names().iter().any(|n| words.contains(n));
        let of_places = self.near(subject).into_iter().flatten().copied();
        let sightings = of_places.filter_map(|place| Some((place, self.summary.sightings.get(place)?)));
        let proof: BTreeSet<usize> =
            sightings.filter(|(place, s)| feeds(s) && is_seen(*place, s)).map(|(place, _)| place).collect();
        proof.into_iter().collect()
    }

    /// Where the sightings are that a finding about a subject can rest on: its own, those of its host or services; of
    /// the site, all.
    fn near(&self, subject: Subject) -> Vec<&Vec<usize>> {
        match subject {
            Subject::Site => self.places.values().collect(),
            Subject::Service(host, ..) => {
                [subject, Subject::Host(host)].iter().filter_map(|s| self.places.get(s)).collect()
            }
            Subject::Host(host) => {
                let services = self.picture.services_of(host).filter_map(|(s, _)| self.places.get(s));
                self.places.get(&subject).into_iter().chain(services).collect()
            }
            Subject::Sensor | Subject::Wireless(_) => self.places.get(&subject).into_iter().collect(),
        }
    }
}

/// Whether a sighting of another subject is one of this one too: a service is on its host, a host is reached through its
/// services, and the site is everything.
fn is_seen_from(subject: Subject, s: &Sighting) -> bool {
    match (subject, s.subject) {
        (Subject::Service(id, ..), Subject::Host(host)) => id == host,
        (Subject::Host(id), Subject::Service(host, ..)) => {
            id == host && s.fact == Fact::Answered && s.zone == Some(Zone::Outside)
        }
        (Subject::Site, _) => true,
        _ => false,
    }
}

impl Scene<'_, '_> {
    fn judge(&self, rule: &Rule, about: About) -> Option<Verdict> {
        rule.judge_as(about, Layers(&self.here), Layers(&self.whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;
    use crate::vocabulary::Kind;
    use crate::{assess, stated};
    use auscult_report::bounded::Bounded;
    use auscult_report::fact::*;
    use auscult_report::product::Product;
    use auscult_report::subject::{Bssid, Transport};
    use auscult_report::summary::HostEntry;
    use auscult_report::time::{MS_PER_DAY, Timestamp};
    use auscult_report::version::Version;

    /// All of a list, which is short.
    fn all<T, const N: usize>(list: Vec<T>) -> Bounded<T, N> {
        let (bounded, let_go) = Bounded::first_of(list);
        assert_eq!(let_go, 0);
        bounded
    }

    /// The sightings of a summary and one more.
    fn with<const N: usize>(summary: &Summary, more: Sighting) -> Bounded<Sighting, N> {
        all(summary.sightings.iter().copied().chain([more]).collect())
    }

    const SERVER: HostId = HostId(1);
    const SERVICE: Subject = Subject::Service(SERVER, Transport::Tcp, 104);

    fn now() -> Timestamp {
        Knowledge::compiled().dated()
    }

    /// A window with one service and what was heard of it, with the zone of the client.
    fn window(zone: Zone, heard: &[(Option<Zone>, Fact, u32)]) -> Summary {
        let sightings =
            heard.iter().map(|(zone, fact, count)| sighting(SERVICE, *fact, *zone, *count)).collect::<Vec<_>>();
        let host = HostEntry { id: SERVER, zone, address: None, maker: None };
        Summary { hosts: all(vec![host]), sightings: all(sightings), ..Summary::default() }
    }

    fn sighting(subject: Subject, fact: Fact, zone: Option<Zone>, count: u32) -> Sighting {
        Sighting { subject, fact, zone, first: now(), last: now(), count }
    }

    fn found(summary: &Summary) -> Vec<(&'static str, &'static str, u8)> {
        let knowledge = Knowledge::compiled();
        let findings = assess(summary, &knowledge, now());
        findings.iter().map(|f| (f.rule.id(), f.severity.word(), f.confidence_percent)).collect()
    }

    fn severity(summary: &Summary, id: &str) -> Option<&'static str> {
        found(summary).into_iter().find(|f| f.0 == id).map(|f| f.1)
    }

    const INSIDE: Option<Zone> = Some(Zone::SameSegment);
    const OFFICE: Option<Zone> = Some(Zone::Office);
    const OUTSIDE: Option<Zone> = Some(Zone::Outside);

    fn archive(client: Option<Zone>, identity: DicomIdentity, matches: u32) -> Vec<(Option<Zone>, Fact, u32)> {
        let mut heard = vec![
            (None, Fact::Protocol(Protocol::Dicom), 1),
            (client, Fact::Answered, 1),
            (client, Fact::DicomAccepted, 1),
            (client, Fact::DicomIdentity(identity), 1),
        ];
        if matches > 0 {
            heard.push((client, Fact::DicomMatch, matches));
        }
        heard
    }

    #[test]
    fn what_a_modality_got_is_not_what_a_stranger_got() {
        let mut heard = archive(INSIDE, DicomIdentity::None, 12);
        heard.push((OUTSIDE, Fact::Refused, 3));
        let window = window(Zone::SameSegment, &heard);
        assert_eq!(severity(&window, "dicom-records-given-outside"), None);
        assert_eq!(severity(&window, "dicom-open-from-outside"), None);
        assert_eq!(severity(&window, "dicom-knocked-from-outside"), Some("info"));
    }

    #[test]
    fn encryption_of_mail_that_was_offered_and_went_is_stripped_and_one_that_came_is_not() {
        let at = |word, zone, first, last| Sighting {
            first: Timestamp(now().0.saturating_add(first)),
            last: Timestamp(now().0.saturating_add(last)),
            ..sighting(SERVICE, Fact::MailStartTls(word), zone, 1)
        };
        let (used, without) = (MailStartTls::Used, MailStartTls::NotOffered);
        for (sightings, stripped) in [
            ([at(used, OUTSIDE, 0, 5), at(without, OUTSIDE, 6, 9)], true),
            ([at(without, OUTSIDE, 0, 5), at(used, OUTSIDE, 6, 9)], false),
            ([at(used, OUTSIDE, 0, 5), at(without, INSIDE, 6, 9)], false),
            ([at(used, OUTSIDE, 0, 9), at(without, OUTSIDE, 6, 7)], false),
        ] {
            let mut window = window(Zone::SameSegment, &[(OUTSIDE, Fact::Protocol(Protocol::Smtp), 1)]);
            for sighting in sightings {
                window.sightings = with(&window, sighting);
            }
            assert_eq!(severity(&window, "mail-starttls-stripped").is_some(), stripped, "{sightings:?}");
        }
    }

    #[test]
    fn an_identity_inside_is_not_needed_where_outside_has_one() {
        let mut heard = archive(INSIDE, DicomIdentity::None, 12);
        heard.extend(archive(OUTSIDE, DicomIdentity::NamePasscode, 5));
        let window = window(Zone::SameSegment, &heard);
        for id in ["dicom-records-given-outside", "dicom-open-from-outside", "dicom-records-given-inside"] {
            assert_eq!(severity(&window, id), None, "{id}");
        }
        // The other way round the strong identity inside does not excuse what strangers got.
        let mut heard = archive(INSIDE, DicomIdentity::Kerberos, 12);
        heard.extend(archive(OUTSIDE, DicomIdentity::None, 5));
        let window = self::window(Zone::SameSegment, &heard);
        assert_eq!(severity(&window, "dicom-records-given-outside"), Some("critical"));
    }

    #[test]
    fn records_given_to_a_stranger_are_critical_and_say_who_got_them() {
        let mut heard = archive(OUTSIDE, DicomIdentity::None, 5);
        heard.extend(archive(OFFICE, DicomIdentity::None, 7));
        heard.push((OUTSIDE, Fact::OutsideNetwork, 3));
        heard.sort();
        let window = window(Zone::SameSegment, &heard);
        let knowledge = Knowledge::compiled();
        let findings = assess(&window, &knowledge, now());
        let finding = findings.iter().find(|f| f.rule.id() == "dicom-records-given-outside").unwrap();
        assert_eq!((finding.severity, finding.confidence_percent), (Severity::Critical, 95));
        assert_eq!(finding.zones, [Zone::Outside]);
        let proof: Vec<Sighting> = finding.proof.iter().map(|p| window.sightings[*p]).collect();
        assert!(proof.iter().any(|s| s.fact == Fact::DicomMatch && s.count == 5));
        assert!(proof.iter().all(|s| s.zone != OFFICE), "{proof:?}");
        // The office got records too, but the rule for the inside is silent while the outside has an answer.
        assert!(!findings.iter().any(|f| f.rule.id() == "dicom-records-given-inside"));
        assert_eq!(findings[0].severity, Severity::Critical);
        assert!(findings.windows(2).all(|f| f[0].severity >= f[1].severity));
    }

    #[test]
    fn the_worst_view_gives_the_severity() {
        let heard = [
            (None, Fact::Protocol(Protocol::Mllp), 2),
            (INSIDE, Fact::Answered, 5),
            (INSIDE, Fact::Encryption(Encryption::None), 5),
            (OUTSIDE, Fact::Answered, 1),
            (OUTSIDE, Fact::Encryption(Encryption::Tls), 1),
            (OUTSIDE, Fact::Hl7Acknowledged, 1),
        ];
        let summary = window(Zone::SameSegment, &heard);
        // Readable inside, encrypted outside: not readable over the internet.
        assert_eq!(severity(&summary, "hl7-cleartext"), Some("low"));
        assert_eq!(severity(&summary, "hl7-open-outside"), Some("high"));
    }

    #[test]
    fn what_a_foreign_server_gives_away_is_not_the_clinics_to_mend() {
        let heard = [
            (None, Fact::Protocol(Protocol::Http), 2),
            (INSIDE, Fact::Answered, 5),
            (INSIDE, Fact::Encryption(Encryption::None), 5),
            (INSIDE, Fact::WebListing, 5),
            (INSIDE, Fact::WebOpenDocument, 50),
            (INSIDE, Fact::WebVersionShown(WebHeader::Apache), 5),
            (INSIDE, Fact::WebBasicInClear, 1),
        ];
        let abroad: Vec<_> = found(&window(Zone::Outside, &heard)).into_iter().map(|f| (f.0, f.1)).collect();
        assert_eq!(abroad, [("basic-auth-in-clear", "high")]);
        let at_home = window(Zone::SameSegment, &heard);
        assert_eq!(severity(&at_home, "web-directory-listing"), Some("medium"));
        assert_eq!(severity(&at_home, "basic-auth-in-clear"), Some("medium"));
        // A client from outside: it is not the clinic that is the client.
        let mut heard = heard.to_vec();
        heard.push((OUTSIDE, Fact::Answered, 1));
        heard.push((OUTSIDE, Fact::WebListing, 1));
        assert_eq!(severity(&window(Zone::Outside, &heard), "web-directory-listing"), Some("high"));
    }

    #[test]
    fn hosts_outside_are_not_judged() {
        let xp = Fact::System(SystemSign {
            place: SignPlace::NtlmChallenge,
            family: SystemFamily::Windows,
            major: 5,
            minor: 1,
            build: 2600,
        });
        let host = |zone| {
            let mut summary = window(zone, &[]);
            summary.sightings = with(&summary, sighting(Subject::Host(SERVER), xp, None, 1));
            severity(&summary, "windows-ended")
        };
        assert_eq!((host(Zone::SameSegment), host(Zone::Outside)), (Some("high"), None));
    }

    #[test]
    fn a_data_base_that_ended_is_proved_by_its_cycle_and_a_web_server_is_not() {
        let named = |product: &str, version: &str| {
            Fact::Software(Software {
                product: Product::named(product).unwrap(),
                version: Version::exact(version.as_bytes()),
                revision: None,
                place: SoftwarePlace::Body,
            })
        };
        let heard = [
            (None, Fact::Protocol(Protocol::Mongodb), 1),
            (None, named("MongoDB", "3.4.10"), 1),
            (None, named("OpenSSL", "3.5.1"), 1),
            (OUTSIDE, Fact::Answered, 1),
        ];
        let summary = window(Zone::SameSegment, &heard);
        let knowledge = Knowledge::compiled();
        let findings = assess(&summary, &knowledge, now());
        let finding = findings.iter().find(|f| f.rule.id() == "software-ended").unwrap();
        assert_eq!((finding.severity, finding.because), (Severity::High, Some("public")));
        let programs: Vec<usize> = finding
            .proof
            .iter()
            .filter(|p| matches!(summary.sightings[**p].fact, Fact::Software(_)))
            .copied()
            .collect();
        assert_eq!(programs, [1]);
        let nginx = window(Zone::SameSegment, &[(None, named("nginx", "1.22.1"), 1), (OUTSIDE, Fact::Answered, 1)]);
        assert_eq!(severity(&nginx, "software-ended"), None);
        assert!(found(&nginx).contains(&("software-says-old", "info", 40)));
    }

    #[test]
    fn a_router_is_as_old_as_a_program_of_its_services() {
        let dropbear = Fact::Software(Software {
            product: Product::named("Dropbear").unwrap(),
            version: Version::exact(b"2017.75"),
            revision: None,
            place: SoftwarePlace::Greeting,
        });
        let mut summary = window(Zone::SameSegment, &[(None, dropbear, 1), (OUTSIDE, Fact::Answered, 1)]);
        summary.sightings = with(&summary, sighting(Subject::Host(SERVER), Fact::Role(Role::Router), None, 1));
        let knowledge = Knowledge::compiled();
        let findings = assess(&summary, &knowledge, now());
        let finding = findings.iter().find(|f| f.rule.id() == "router-firmware-old").unwrap();
        assert_eq!((finding.subject, finding.severity), (Subject::Host(SERVER), Severity::High));
        assert_eq!(finding.proof, [0, 1, 2]);
    }

    #[test]
    fn an_expired_certificate_is_expired_from_the_first_moment() {
        let window = |end: u64| {
            window(
                Zone::SameSegment,
                &[
                    (None, Fact::Protocol(Protocol::Tls), 1),
                    (None, Fact::CertificateEnds(Timestamp(end)), 1),
                    (INSIDE, Fact::Answered, 1),
                ],
            )
        };
        let at = now().0;
        assert_eq!(severity(&window(at - 1), "cert-expired"), Some("low"));
        assert_eq!(severity(&window(at), "cert-expired"), None);
        assert_eq!(severity(&window(at), "cert-expires-soon"), Some("low"));
        assert_eq!(severity(&window(at + 20 * MS_PER_DAY), "cert-expires-soon"), Some("info"));
        assert_eq!(severity(&window(at + 22 * MS_PER_DAY), "cert-expires-soon"), None);
    }

    #[test]
    fn a_network_is_what_it_mostly_said() {
        let bssid = |last| Bssid([4, 0x18, 0xd6, 1, 1, last]);
        let network = |last, security, count, more: &[Fact]| {
            let subject = Subject::Wireless(bssid(last));
            let mut all = vec![
                sighting(subject, Fact::WifiSecurity(security), None, count),
                sighting(subject, Fact::WifiBeacon, None, count),
            ];
            all.extend(more.iter().map(|f| sighting(subject, *f, None, 1)));
            all
        };
        let own = Fact::WifiOwner(WifiOwner::Own);
        let mut sightings = network(1, WifiSecurity::Wpa2Psk, 200, &[own, Fact::WifiNameIsOurs]);
        sightings.push(sighting(Subject::Wireless(bssid(1)), Fact::WifiSecurity(WifiSecurity::Wep), None, 3));
        sightings.push(sighting(Subject::Wireless(bssid(1)), Fact::WifiWps(WifiWps::Button), None, 200));
        sightings.push(sighting(Subject::Wireless(bssid(1)), Fact::WifiWps(WifiWps::Pin), None, 1));
        sightings.extend(network(2, WifiSecurity::Open, 200, &[Fact::WifiOwner(WifiOwner::Unknown)]));
        let twin = Subject::Wireless(Bssid([0, 1, 2, 3, 4, 5]));
        let twins =
            [Fact::WifiSecurity(WifiSecurity::Open), Fact::WifiBeacon, Fact::WifiNameIsOurs, Fact::WifiSignalStrong];
        sightings.extend(twins.map(|f| sighting(twin, f, None, 40)));
        let summary = Summary { sightings: all(sightings), ..Summary::default() };
        let found = found(&summary);
        assert_eq!(found, [("wifi-evil-twin", "critical", 80), ("wifi-wps-pin", "medium", 80)]);
    }

    #[test]
    fn guests_that_reach_clinical_equipment_are_heard() {
        let mut summary = window(Zone::Clinical, &[(Some(Zone::Guest), Fact::Answered, 1)]);
        let knowledge = Knowledge::compiled();
        let findings = assess(&summary, &knowledge, now());
        assert_eq!(
            findings.iter().map(|f| (f.rule.id(), f.proof.clone())).collect::<Vec<_>>(),
            [("guest-reaches-clinical", vec![0])]
        );
        let mut host = summary.hosts[0];
        host.zone = Zone::Office;
        summary.hosts = all(vec![host]);
        assert_eq!(severity(&summary, "guest-reaches-clinical"), None);
    }

    #[test]
    fn what_is_stated_is_what_was_heard() {
        let summary = window(Zone::Clinical, &archive(OFFICE, DicomIdentity::Name, 3));
        let knowledge = Knowledge::compiled();
        let stated = stated(&summary, &knowledge, now());
        let service = stated.iter().find(|s| s.subject == SERVICE).unwrap();
        assert_eq!(service.values["svc.protocol"], Value::word("dicom"));
        assert_eq!(service.values["svc.zone"], Value::word("clinical"));
        assert_eq!(service.values["svc.clients"], Value::Set(["office".into()].into()));
        assert_eq!(service.values["dicom.matches"], Value::Number(3.0));
        assert_eq!(service.values["dicom.handed_over"], Value::Number(0.0));
        assert_eq!(service.values["dicom.identity"], Value::word("name"));
        assert_eq!(service.values.get("web.open_documents"), None);
        assert_eq!(
            stated.iter().find(|s| s.subject == Subject::Host(SERVER)).unwrap().values["host.zone"],
            Value::word("clinical")
        );
    }

    #[test]
    fn nothing_heard_finds_nothing() {
        assert_eq!(found(&Summary::default()), []);
    }

    #[test]
    fn every_vector_gives_what_it_says() {
        let knowledge = Knowledge::compiled();
        let (mut vectors, mut whole, mut faults) = (0, 0, Vec::new());
        for line in include_str!("../knowledge/vectors.jsonl").lines() {
            let vector: serde_json::Value = serde_json::from_str(line).unwrap();
            let values = flat(&knowledge, &vector["facts"]);
            let layers = [&values];
            let judge = |id: &str| {
                knowledge
                    .rule(id)
                    .unwrap()
                    .judge(Layers(&layers), Layers(&layers))
                    .map(|v| (v.severity.word(), v.confidence_percent))
            };
            for (id, level) in vector["expect"].as_object().unwrap() {
                let percent = vector["confidence"][id].as_f64().unwrap() * 100.0;
                let expected = (level.as_str().unwrap(), percent.round() as u8);
                if judge(id) != Some(expected) {
                    faults.push(format!("{}: {id}: {:?}, not {expected:?}", vector["name"], judge(id)));
                }
            }
            for id in vector["absent"].as_array().unwrap() {
                if judge(id.as_str().unwrap()).is_some() {
                    faults.push(format!("{}: {id} should be silent", vector["name"]));
                }
            }
            // Where a vector names what else is raised, nothing more is.
            if let Some(also) = vector["also"].as_array() {
                let expected = vector["expect"].as_object().unwrap().keys().map(String::as_str);
                let expected: BTreeSet<&str> = expected.chain(also.iter().filter_map(|id| id.as_str())).collect();
                let raised: BTreeSet<&str> =
                    knowledge.rules().iter().map(Rule::id).filter(|id| judge(id).is_some()).collect();
                if raised != expected {
                    faults.push(format!("{}: {raised:?}, not {expected:?}", vector["name"]));
                }
                whole += 1;
            }
            vectors += 1;
        }
        assert_eq!(faults, [""; 0]);
        assert_eq!((vectors, whole), (392, 54));
    }

    /// The facts of a vector, in one layer.
    fn flat<'k>(knowledge: &'k Knowledge, facts: &serde_json::Value) -> Values<'k> {
        let vocabulary = knowledge.vocabulary();
        let word =
            |w: &serde_json::Value| -> &'static str { Box::leak(w.as_str().unwrap().to_owned().into_boxed_str()) };
        let mut values = Values::new(vocabulary);
        for (name, value) in facts.as_object().unwrap() {
            let kind = vocabulary.kind(vocabulary.name(name).unwrap());
            let value = match value {
                serde_json::Value::Bool(b) => Value::Bool(*b),
                serde_json::Value::Number(n) => Value::Number(n.as_f64().unwrap()),
                serde_json::Value::Array(words) => Value::Set(words.iter().map(|w| word(w).into()).collect()),
                other => Value::word(word(other)),
            };
            assert_eq!(matches!(value, Value::Set(_)), kind.is_set(), "{name}");
            assert_eq!(matches!(value, Value::Bool(_)), kind == Kind::Bool, "{name}");
            values.put(name, value);
        }
        values
    }
}
