//! What kind of sight an interface gives, by what was counted of its frames: the thing that is plugged in wrong most often.
//!
//! Keeps: nothing. Drops: nothing; the words are those of the record.

use super::sight::Counts;
use auscult_report::coverage::Sight;

/// The kind that these counts show (FORMAT.md section 5).
///
/// A switch that does not know where a host is sends its frames to every port: less than one frame in twenty is no sight of
/// others. Logs and alarms go one way in any network: where a quarter of the conversations has both sides, both are heard.
#[must_use]
pub const fn of(counts: &Counts) -> Sight {
    let foreign = counts.passed.saturating_add(counts.others);
    if counts.frames == 0 {
        Sight::Nothing
    } else if counts.radio.saturating_mul(2) > counts.frames {
        Sight::Radio
    } else if foreign == 0 || foreign.saturating_mul(STRAY) < counts.frames {
        if counts.own > 0 { Sight::Own } else { Sight::Broadcast }
    } else if counts.both_sides.saturating_mul(FEW) < counts.conversations {
        Sight::OneSided
    } else if counts.passed.saturating_mul(STRAY) >= foreign {
        Sight::Router
    } else {
        Sight::Mirror
    }
}

/// What it is, for a person.
#[must_use]
pub const fn sentence(sight: Sight) -> &'static str {
    match sight {
        Sight::Nothing => "nothing at all",
        Sight::Broadcast => "only what is for all (broadcasts)",
        Sight::Own => "only this machine's own traffic, and what is for all (broadcasts)",
        Sight::Router => "both sides of what other hosts say to each other through this machine",
        Sight::Mirror => "both sides of what other hosts say to each other",
        Sight::OneSided => "only one side of what other hosts say to each other",
        Sight::Radio => "the air",
    }
}

/// Whether what others say to each other is heard.
#[must_use]
pub const fn is_good(sight: Sight) -> bool {
    matches!(sight, Sight::Router | Sight::Mirror | Sight::Radio)
}

/// What was counted since an earlier look.
#[must_use]
pub const fn since(now: &Counts, before: &Counts) -> Counts {
    Counts {
        frames: now.frames.saturating_sub(before.frames),
        octets: now.octets.saturating_sub(before.octets),
        group: now.group.saturating_sub(before.group),
        own: now.own.saturating_sub(before.own),
        passed: now.passed.saturating_sub(before.passed),
        others: now.others.saturating_sub(before.others),
        radio: now.radio.saturating_sub(before.radio),
        conversations: now.conversations.saturating_sub(before.conversations),
        both_sides: now.both_sides.saturating_sub(before.both_sides),
    }
}

/// A switch sends a frame of others here and there; below one in twenty that is no sight of them.
const STRAY: u64 = 20;
/// Of conversations that are whole, at least a quarter is heard whole while the table fills.
const FEW: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_plug_in_shows_its_kind_of_sight() {
        let none = Counts::default();
        let of = |counts: Counts| of(&Counts { frames: 1_000, ..counts });
        assert_eq!(super::of(&none), Sight::Nothing);
        assert_eq!(of(Counts { group: 1_000, ..none }), Sight::Broadcast);
        assert_eq!(of(Counts { group: 900, own: 100, ..none }), Sight::Own);
        assert_eq!(
            of(Counts { others: 49, conversations: 2, both_sides: 2, ..none }),
            Sight::Broadcast,
            "they strayed"
        );
        assert_eq!(of(Counts { others: 900, conversations: 9, both_sides: 2, ..none }), Sight::OneSided);
        assert_eq!(of(Counts { others: 900, conversations: 8, both_sides: 2, ..none }), Sight::Mirror);
        assert_eq!(of(Counts { passed: 900, conversations: 8, both_sides: 8, ..none }), Sight::Router);
        assert_eq!(of(Counts { radio: 900, ..none }), Sight::Radio);
    }
}
