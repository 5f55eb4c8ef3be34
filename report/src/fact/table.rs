//! The one table of facts: what else has to be said of a fact stands in its row.
//!
//! A row is `Variant(Payload) = COUNT ZONE, [NAMES], SENTENCE;` below its comment.
//! - COUNT: `times` (how often), `different` (how many different things) or `flag` (once heard, its one name is true).
//! - ZONE: `by_zone`, if it was heard towards a client, so that the client's zone belongs to it; else nothing.
//! - NAMES: the names of `assess/knowledge/facts.tsv` whose values come from it, so that a finding can point at the sightings that it
//!   rests on. A fact that feeds no name is kept in the report, but no rule asks for it.
//! - SENTENCE: what a person reads of it; `{}` is its payload, `{n THING}` its count with the right plural, `{to}` towards whom. Empty,
//!   where it says nothing to a person beside the finding itself.
//!
//! Keeps: the closed list and its encoding (the place of a row). Drops: nothing. `FORMAT.md` section 13 is made of it.

/// A row of the table, for who asks for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The variant.
    pub fact: &'static str,
    /// The names that it feeds.
    pub names: &'static [&'static str],
    /// Whether its one name is true once it was heard.
    pub is_flag: bool,
}

/// Makes the closed enum of facts, and what is to be said of each.
macro_rules! facts {
    ($(#[$meta:meta])* $enum:ident $(
        $(#[$vmeta:meta])* $variant:ident $(($payload:ty))? = $count:ident $($zone:ident)?, [$($name:literal),* $(,)?], $sentence:literal;
    )+) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $enum { $($(#[$vmeta])* $variant $(($payload))?,)+ }

        impl $enum {
            /// The table that it is made of, in the order of its encoding.
            pub const TABLE: &'static [Row] = &[$(Row {
                fact: stringify!($variant),
                names: &[$($name),*],
                is_flag: facts!(@is flag $count),
            },)+];

            /// The names whose values come from it.
            #[must_use]
            pub const fn names(&self) -> &'static [&'static str] {
                match self { $($enum::$variant { .. } => &[$($name),*],)+ }
            }

            /// Whether its one name is true once it was heard.
            #[must_use]
            pub const fn is_flag(&self) -> bool {
                match self { $($enum::$variant { .. } => facts!(@is flag $count),)+ }
            }

            /// Whether its count is of different things, not of times.
            #[must_use]
            pub const fn counts_different(&self) -> bool {
                match self { $($enum::$variant { .. } => facts!(@is different $count),)+ }
            }

            /// Whether it was heard towards a client, so that the client's zone belongs to it.
            #[must_use]
            pub const fn is_by_zone(&self) -> bool {
                match self { $($enum::$variant { .. } => facts!(@zone $($zone)?),)+ }
            }

            /// What a person reads of it, with places for its payload, its count and its client.
            #[must_use]
            pub const fn sentence(&self) -> &'static str {
                match self { $($enum::$variant { .. } => $sentence,)+ }
            }

            /// What stands in its brackets.
            #[must_use]
            pub fn payload(&self) -> Option<&dyn core::fmt::Display> {
                match self {
                    $($enum::$variant { .. } => {
                        $(if let $enum::$variant(it) = self {
                            let it: &$payload = it;
                            return Some(it);
                        })?
                        None
                    })+
                }
            }
        }
    };
    (@is flag flag) => { true };
    (@is different different) => { true };
    (@is $kind:ident times) => { false };
    (@is flag different) => { false };
    (@is different flag) => { false };
    (@zone by_zone) => { true };
    (@zone) => { false };
}
