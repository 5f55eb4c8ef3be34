//! The tables of `knowledge/`: tab separated, `#` begins a note, the first other line names the columns.
//! Keeps: rows as borrowed text. Drops: notes.

/// A table, read row by row where it is needed: nothing is built in advance.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    text: &'static str,
}

/// One row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    head: &'static str,
    line: &'static str,
}

impl Table {
    /// A table over a compiled-in text.
    #[must_use]
    pub const fn new(text: &'static str) -> Table {
        Table { text }
    }

    /// Its rows, in order.
    pub fn rows(self) -> impl Iterator<Item = Row> {
        let mut lines = self.text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
        let head = lines.next().unwrap_or_default();
        lines.map(move |line| Row { head, line })
    }

    /// The text, for the hash of the knowledge.
    #[must_use]
    pub const fn text(self) -> &'static str {
        self.text
    }
}

impl Row {
    /// The cell of a column; empty if there is no such column.
    #[must_use]
    pub fn cell(&self, column: &str) -> &'static str {
        let place = self.head.split('\t').position(|c| c == column);
        place.and_then(|p| self.line.split('\t').nth(p)).unwrap_or_default()
    }
}

/// Days since 1970-01-01 of a date as `2026-11-21` (the proleptic Gregorian calendar; Hinnant's days_from_civil).
#[must_use]
pub fn day_of(date: &str) -> Option<i64> {
    let mut parts = date.split('-').map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let era = year.checked_div(400)?;
    let year_of_era = year.checked_rem(400)?;
    let shifted = month.checked_add(9)?.checked_rem(12)?;
    let day_of_year = shifted.checked_mul(153)?.checked_add(2)?.checked_div(5)?.checked_add(day)?.checked_sub(1)?;
    let leap = year_of_era.checked_div(4)?.checked_sub(year_of_era.checked_div(100)?)?;
    let day_of_era = year_of_era.checked_mul(365)?.checked_add(leap)?.checked_add(day_of_year)?;
    era.checked_mul(146_097)?.checked_add(day_of_era)?.checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_days() {
        assert_eq!(day_of("1970-01-01"), Some(0));
        assert_eq!(day_of("2000-02-29"), Some(11_016));
        assert_eq!(day_of("2026-11-21"), Some(20_778));
        for wrong in ["", "2026", "none", "2026-13-01", "2026-11-00"] {
            assert_eq!(day_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn notes_are_passed_and_cells_found_by_name() {
        let table = Table::new("# note\na\tb\n1\t2\n\n# more\n3\t4\n");
        let cells: Vec<_> = table.rows().map(|r| (r.cell("b"), r.cell("a"), r.cell("c"))).collect();
        assert_eq!(cells, [("2", "1", ""), ("4", "3", "")]);
    }
}
