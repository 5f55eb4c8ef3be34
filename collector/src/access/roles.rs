//! Which role may what: one table, read by the doors and by their tests.
//!
//! Keeps: nothing. Drops: nothing; a word that is no role may nothing.

/// What a person is at a clinic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Runs the archive: at every clinic, without a grant.
    Admin,
    /// Works for the provider at clinics that were granted.
    Technician,
    /// Answers for the clinic.
    Viewer,
    /// Looks from outside, for a while.
    Reviewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [Role::Admin, Role::Technician, Role::Viewer, Role::Reviewer];

    /// The word in the data base and for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Role::Admin => "provider-admin",
            Role::Technician => "technician",
            Role::Viewer => "clinic-viewer",
            Role::Reviewer => "reviewer",
        }
    }

    /// The role of a word that can be granted at a clinic.
    #[must_use]
    pub fn granted(word: &str) -> Option<Role> {
        [Role::Technician, Role::Viewer, Role::Reviewer].into_iter().find(|role| role.word() == word)
    }

    /// Whether the role may do this.
    #[must_use]
    pub const fn may(self, right: Right) -> bool {
        match right {
            Right::See => true,
            Right::Sensors => matches!(self, Role::Admin | Role::Technician),
            Right::Propose => matches!(self, Role::Technician),
            Right::Mend | Right::Confirm => matches!(self, Role::Admin),
            Right::Accept => matches!(self, Role::Admin | Role::Viewer),
            Right::Decide => !matches!(self, Role::Reviewer),
            Right::Comment => true,
            Right::Audit | Right::Review => !matches!(self, Role::Technician),
            // Who is reviewed answers for who reviews: the clinic, never the provider whose work it is.
            Right::Register => matches!(self, Role::Viewer),
            Right::Cosign => matches!(self, Role::Viewer | Role::Reviewer),
        }
    }

    /// Whether the role may say this about reviews: who is reviewed plans them and says that one was held; a reviewer comments only.
    #[must_use]
    pub fn may_say_of_reviews(self, what: &str) -> bool {
        match what {
            "planned" | "held" => self.may(Right::Accept),
            "noted" => self.may(Right::Review),
            _ => false,
        }
    }

    /// Whether the role may decide so about a finding by itself; what is no decision nobody may.
    #[must_use]
    pub fn may_decide(self, what: &str) -> bool {
        match what {
            "accepted" => self.may(Right::Accept),
            "fixed" | "not-true" => self.may(Right::Mend),
            "open" => self.may(Right::Mend) || self.may(Right::Accept),
            _ => false,
        }
    }

    /// Whether the role may propose so, for an administrator to confirm.
    #[must_use]
    pub fn may_propose(self, what: &str) -> bool {
        self.may(Right::Propose) && ["accepted", "fixed", "not-true", "open"].contains(&what)
    }
}

/// What somebody may at a clinic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Findings, sensors, what was heard.
    See,
    /// Make codes, let sensors in, shut them out.
    Sensors,
    /// Say that something was mended, or is not true.
    Mend,
    /// Accept a risk until a day.
    Accept,
    /// Any decision or proposal about a finding; which one is asked again.
    Decide,
    /// Propose a decision that an administrator confirms.
    Propose,
    /// Confirm or decline what somebody else proposed.
    Confirm,
    /// Say something about a finding; it changes nothing.
    Comment,
    /// Who did and who looked.
    Audit,
    /// Say something about reviews; what is asked again.
    Review,
    /// Register a reviewer's key, and remove it.
    Register,
    /// Hand in a checkpoint that a reviewer cosigned.
    Cosign,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_table_are_those_of_the_schema() {
        let schema = include_str!("../../schema/0004_people.sql");
        for role in Role::ALL.into_iter().filter(|r| *r != Role::Admin) {
            assert!(schema.contains(&format!("'{}'", role.word())), "{role:?}");
            assert_eq!(Role::granted(role.word()), Some(role));
        }
        assert_eq!(Role::granted("provider-admin"), None, "nobody becomes an administrator by a grant");
    }

    #[test]
    fn a_reviewer_changes_nothing_and_what_is_no_decision_nobody_makes() {
        for what in ["accepted", "fixed", "not-true", "open", "", "deleted"] {
            assert!(!Role::Reviewer.may_decide(what), "{what}");
        }
        for what in ["planned", "held", "", "deleted"] {
            assert!(!Role::Reviewer.may_say_of_reviews(what), "{what}");
        }
        assert!(Role::Reviewer.may_say_of_reviews("noted") && !Role::Technician.may_say_of_reviews("noted"));
        assert!(Role::ALL.iter().all(|role| !role.may_decide("deleted")));
        let who = |right| Role::ALL.map(|role| role.may(right));
        assert_eq!(who(Right::Register), [false, false, true, false], "the clinic alone says who reviews it");
        assert_eq!(who(Right::Cosign), [false, false, true, true]);
        for what in ["accepted", "fixed", "not-true", "open"] {
            assert!(!Role::Technician.may_decide(what), "{what}: a technician proposes");
            let proposes = Role::ALL.map(|role| role.may_propose(what));
            assert_eq!(proposes, [false, true, false, false], "{what}");
        }
        assert!(!Role::Technician.may_propose("deleted"));
        assert!(!Role::Viewer.may_decide("fixed"), "that is the provider's to say");
    }
}
