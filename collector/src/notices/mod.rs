//! Notices: who is told of what became of a finding, of a sensor that fell silent, of a date that came; once each, in words that
//! the way deserves.
//!
//! The judge writes news down in the transaction that changes a finding. Here each of them is packed for whom the settings name
//! ([`Notices::plan`]), and parcels are sent until they arrived ([`Notices::deliver`]): at least once, under an id that stays the same.
//! Keeps: keys and passwords in memory, never in a text. Drops: hosts, addresses, ports and proofs; they do not come here.

mod guard;
mod http;
mod mail;
mod plan;
mod secret;
mod syslog;
mod ticket;
mod tls;
mod webhook;
mod words;

pub use secret::new_key;

use crate::config::{self, Way};
use crate::store::{Fate, NewParcel, News, Parcel, Store, StoreError};
use auscult_assess::knowledge::Knowledge;
use auscult_report::time::Timestamp;
use guard::Guard;
use http::Client;
use mail::Mailer;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use syslog::Line;
use ticket::Desk;
use tokio::task::JoinSet;
use tokio::time::timeout;
use webhook::Hook;
use words::{Message, Words};

/// Whom this archive tells.
pub struct Notices {
    settings: config::Notices,
    channels: Vec<Arc<Channel>>,
    alive: Option<(Client, config::Alive)>,
}

/// Gives the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How a parcel's last try ended: at what kind of channel, and with what word. For counters.
pub type Ended = (&'static str, &'static str);

/// Why something was not sent. The words are for an operator; they hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It may be otherwise at the next try.
    Later(String),
    /// It will not be.
    Never(String),
}

impl Failed {
    /// The words.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Failed::Later(why) | Failed::Never(why) => why,
        }
    }
}

/// A channel that can be used.
struct Channel {
    settings: config::Channel,
    words: Words,
    open: Open,
}

enum Open {
    Mail(Box<Mailer>),
    Webhook(Box<Hook>),
    Syslog(Box<Line>),
    Ticket(Box<Desk>),
}

impl Notices {
    /// Reads keys, passwords and certificates. `name` is the archive's.
    ///
    /// # Errors
    /// The file that cannot be used, and what to do.
    pub fn open(settings: &config::Notices, name: &str) -> Result<Notices, String> {
        let guard = Guard::new(&settings.allow);
        let knowledge = Arc::new(Knowledge::compiled());
        let open = |channel: &config::Channel| {
            let words =
                Words { knowledge: Arc::clone(&knowledge), page: settings.page.clone(), archive: name.to_owned() };
            let open = match &channel.way {
                Way::Mail(mail) => Open::Mail(Box::new(Mailer::open(mail, name)?)),
                Way::Webhook(hook) => Open::Webhook(Box::new(Hook::open(hook, &guard)?)),
                Way::Syslog(line) => Open::Syslog(Box::new(Line::open(line, name)?)),
                Way::Ticket(ticket) => Open::Ticket(Box::new(Desk::open(ticket, &guard)?)),
            };
            Ok(Arc::new(Channel { settings: channel.clone(), words, open }))
        };
        let named = |channel| open(channel).map_err(|why: String| format!("notices, channel {}: {why}", channel.name));
        let channels = settings.channels.iter().map(named).collect::<Result<_, _>>()?;
        let alive = settings.alive.as_ref().map(|alive| {
            let client = Client::open(&alive.url, alive.ca.as_deref(), &guard);
            client.map(|client| (client, alive.clone())).map_err(|why| format!("notices.alive: {why}"))
        });
        Ok(Notices { settings: settings.clone(), channels, alive: alive.transpose()? })
    }

    /// Packs what happened for whom the settings name. Says how many parcels there are more.
    ///
    /// # Errors
    /// If the store could not be read or written: what was not packed is at the next time.
    pub fn plan(&self, store: &Store, now: Timestamp) -> Result<u64, StoreError> {
        let mut made: u64 = 0;
        loop {
            let news = store.news(NEWS)?;
            for one in &news {
                let parcels = self.parcels(store, one, now)?;
                store.pack(one, &parcels, now)?;
                made = made.saturating_add(u64::try_from(parcels.len()).unwrap_or(0));
            }
            if news.is_empty() {
                return Ok(made);
            }
        }
    }

    /// Writes down what is due by itself: decisions that ended. What ended before [`plan::LATE_MS`] is old.
    ///
    /// # Errors
    /// If the store could not be read or written.
    pub fn note_due(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let since = Timestamp(now.0.saturating_sub(plan::LATE_MS));
        store.each_clinic()?.iter().try_for_each(|clinic| clinic.put_decisions_due(since, now).map(drop))
    }

    /// Who is told of this, and when.
    fn parcels<'a>(&'a self, store: &Store, news: &News, now: Timestamp) -> Result<Vec<NewParcel<'a>>, StoreError> {
        let clinic = store.clinic_with(news.clinic);
        let mut parcels = Vec::new();
        let Some(kind) = plan::kind(news) else { return Ok(parcels) };
        if plan::is_late(news, now) && clinic.newest_of(&news.matter)? > news.at {
            return Ok(parcels);
        }
        for channel in &self.channels {
            let config::Channel { name, takes, way } = &channel.settings;
            for recipient in recipients(way) {
                // Only an end asks whether its beginning was told.
                let wants = |was_told| plan::wants(takes, news, kind, was_told, now);
                if !wants(true) || !(wants(false) || clinic.was_told(&news.matter, (name, recipient), news.id)?) {
                    continue;
                }
                let quiet = self.settings.quiet.filter(|_| takes.quiet);
                let at_once = plan::after_quiet(quiet, self.settings.offset_s, (kind, news.severity), now);
                let together = match way {
                    Way::Mail(mail) => {
                        let hour = Timestamp(now.0.saturating_sub(HOUR_MS));
                        let is_flood = store.packed_since(name, recipient, hour)? >= mail.most_hour;
                        let digest = mail.digest.map(|minute| plan::next(minute, self.settings.offset_s, now));
                        digest.or_else(|| is_flood.then(|| plan::next_hour(now).max(at_once)))
                    }
                    _ => None,
                };
                parcels.push(match together {
                    Some(next) => {
                        let stable = plan::digest_id((name, recipient), next);
                        NewParcel { stable, channel: name, recipient, matter: None, next }
                    }
                    None => {
                        let stable = plan::notice_id((name, recipient), news);
                        NewParcel { stable, channel: name, recipient, matter: Some(news.matter), next: at_once }
                    }
                });
            }
        }
        Ok(parcels)
    }

    /// Sends what is due, channel by channel at the same time, a few parcels each; what fails waits, and its channel until the next turn.
    ///
    /// # Errors
    /// If the store could not be read or written: what was in hand is sent again when its lease has ended.
    pub async fn deliver(&self, store: &Store, clock: &Clock) -> Result<Vec<Ended>, StoreError> {
        let mut rounds = JoinSet::new();
        for waits in store.backlog()?.into_iter().filter(|b| b.state == "waiting") {
            match self.channels.iter().find(|c| c.settings.name == waits.channel) {
                Some(channel) => {
                    rounds.spawn(round(Arc::clone(channel), store.clone(), Arc::clone(clock)));
                }
                None => {
                    let why = "the settings name this channel no more";
                    store.forget_parcels(&waits.channel, "waiting", why, clock())?;
                }
            }
        }
        let mut ended = Vec::new();
        while let Some(round) = rounds.join_next().await {
            ended.extend(round.map_err(|e| StoreError::Broken("deliver", e.to_string()))??);
        }
        Ok(ended)
    }

    /// Sends a marked notice now, to everybody of a channel: to whom, and what came of it. `None`: there is no such channel.
    pub async fn try_out(&self, name: &str, now: Timestamp) -> Option<Vec<(String, Result<String, Failed>)>> {
        let channel = self.channels.iter().find(|c| c.settings.name == name)?;
        let mut tried = Vec::new();
        for recipient in recipients(&channel.settings.way) {
            let id = plan::test_id((name, recipient), now);
            let sent = match timeout(ATTEMPT, channel.test(recipient, &id, now)).await {
                Ok(sent) => sent,
                Err(_) => Err(late()),
            };
            tried.push((recipient.to_owned(), sent));
        }
        Some(tried)
    }

    /// The names of the channels, and what kind each is.
    pub fn names(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.channels.iter().map(|c| (c.settings.name.as_str(), kind(&c.settings.way)))
    }

    /// How often somebody is told that this program lives, in milliseconds.
    #[must_use]
    pub fn alive_ms(&self) -> Option<u64> {
        self.alive.as_ref().map(|(_, alive)| alive.every_ms)
    }

    /// Tells whom the settings name that this program lives.
    ///
    /// # Errors
    /// Why it was not told.
    pub async fn say_alive(&self) -> Result<(), Failed> {
        let Some((client, alive)) = &self.alive else { return Ok(()) };
        let asked = client.ask("GET", &alive.url.path, &[], None);
        timeout(ATTEMPT, asked).await.unwrap_or_else(|_| Err(late()))?.taken().map(drop)
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notices({} channels)", self.channels.len())
    }
}

impl Channel {
    /// Sends a parcel: the number of its ticket, if it has one.
    async fn send(&self, store: &Store, parcel: &Parcel, now: Timestamp) -> Result<String, Failed> {
        let broken = |e: StoreError| Failed::Later(e.to_string());
        let told = store.told(parcel.id, MOST_TOLD).map_err(broken)?;
        let messages: Vec<Message> = told.iter().map(|told| self.words.message(&parcel.stable, told)).collect();
        let first = messages.first().ok_or_else(|| Failed::Never("there is nothing in it".to_owned()))?;
        match &self.open {
            Open::Mail(mailer) => {
                let id = plan::hex(&parcel.stable);
                mailer.send(&parcel.recipient, &id, &self.words.mail(&messages), now).await?;
            }
            Open::Webhook(hook) => hook.send(&self.words, first, now).await?,
            Open::Syslog(line) => line.send(&self.words, first).await?,
            Open::Ticket(desk) => {
                let matter = parcel.matter.unwrap_or_default();
                let ticket = store.ticket(&self.settings.name, &matter).map_err(broken)?;
                return desk.send(&self.words, first, ticket).await;
            }
        }
        Ok(String::new())
    }

    /// Sends a notice that is marked as a trial: what the other side said.
    async fn test(&self, recipient: &str, id: &[u8; 16], now: Timestamp) -> Result<String, Failed> {
        let message = self.words.test(id, now);
        let said = match &self.open {
            Open::Mail(mailer) => {
                let mail = self.words.mail(std::slice::from_ref(&message));
                mailer.send(recipient, &plan::hex(id), &mail, now).await?;
                "the mail server took it; whether it reaches the mailbox is for you to see"
            }
            Open::Webhook(hook) => {
                hook.send(&self.words, &message, now).await?;
                "the receiver took it"
            }
            Open::Syslog(line) => {
                line.send(&self.words, &message).await?;
                "the collector of logs took it and closed in order"
            }
            Open::Ticket(desk) => {
                let ticket = desk.send(&self.words, &message, None).await?;
                let end = Message { event: config::Kind::Fixed.word(), ..message };
                desk.send(&self.words, &end, Some(ticket)).await?;
                "a ticket marked as a trial was opened and closed again"
            }
        };
        Ok(said.to_owned())
    }

    /// Whether a recipient is still named.
    fn knows(&self, recipient: &str) -> bool {
        recipients(&self.settings.way).any(|r| r == recipient)
    }
}

/// A few parcels of one channel.
async fn round(channel: Arc<Channel>, store: Store, clock: Clock) -> Result<Vec<Ended>, StoreError> {
    let mut ended = Vec::new();
    for _ in 0..PARCELS {
        let now = clock();
        let lease = Timestamp(now.0.saturating_add(LEASE_MS));
        let Some(parcel) = store.take_parcel(&channel.settings.name, now, lease)? else { break };
        let sent = if !channel.knows(&parcel.recipient) {
            None
        } else if parcel.tries > plan::TRIES {
            Some(Err(Failed::Never("each try ended with the program".to_owned())))
        } else {
            let sent = timeout(ATTEMPT, channel.send(&store, &parcel, now)).await;
            Some(sent.unwrap_or_else(|_| Err(late())))
        };
        let now = clock();
        let next = plan::next_try(parcel.tries, now);
        let fate = match (&sent, next) {
            (None, _) => Fate::Forgotten("the settings name this recipient no more"),
            (Some(Ok(ticket)), _) => Fate::Sent(ticket),
            (Some(Err(Failed::Later(why))), Some(next)) => Fate::Later(next, why),
            (Some(Err(Failed::Later(why) | Failed::Never(why))), _) => Fate::GivenUp(why),
        };
        store.settle_parcel(&parcel, fate, now)?;
        ended.push((kind(&channel.settings.way), word(fate)));
        if !matches!(fate, Fate::Sent(_) | Fate::Forgotten(_)) {
            break;
        }
    }
    Ok(ended)
}

const fn word(fate: Fate<'_>) -> &'static str {
    match fate {
        Fate::Sent(_) => "sent",
        Fate::Later(..) => "later",
        Fate::GivenUp(_) => "given-up",
        Fate::Forgotten(_) => "forgotten",
    }
}

/// What kind of channel.
const fn kind(way: &Way) -> &'static str {
    match way {
        Way::Mail(_) => "mail",
        Way::Webhook(_) => "webhook",
        Way::Syslog(_) => "syslog",
        Way::Ticket(_) => "ticket",
    }
}

/// To whom a channel's parcels go: each address, or the channel itself.
fn recipients(way: &Way) -> impl Iterator<Item = &str> {
    let (addresses, itself): (&[String], _) = match way {
        Way::Mail(mail) => (&mail.to, None),
        _ => (&[], Some("")),
    };
    addresses.iter().map(String::as_str).chain(itself)
}

fn late() -> Failed {
    Failed::Later(format!("it took longer than {} seconds", ATTEMPT.as_secs()))
}

const HOUR_MS: u64 = 3_600_000;
/// One try, from the name to the last octet of the answer.
const ATTEMPT: Duration = Duration::from_secs(20);
/// A parcel is in hand for so long: longer than a try. Who dies with it leaves it for so long.
const LEASE_MS: u64 = 30_000;
/// News that are packed before the next are asked for.
const NEWS: u32 = 256;
/// Parcels of a channel in one turn: at its end somebody looks whether the program is to stop.
const PARCELS: u32 = 8;
/// News that one mail speaks of; a digest counts the others.
const MOST_TOLD: u32 = 1_000;
