//! A dated table of `assess/knowledge`: UTF-8, tab-separated, lines that begin with `#` are notes, the first other line
//! is the head.
//!
//! Keeps: the text as it is compiled in; rows are split when they are asked for, so a table that nothing asks for costs
//! nothing. Drops: nothing.

/// A table by its text.
#[derive(Clone, Copy, Debug)]
pub struct Table(&'static str);

impl Table {
    /// Of a text of the form above.
    #[must_use]
    pub const fn new(text: &'static str) -> Table {
        Table(text)
    }

    /// Every row, as its columns of these names; no row at all if the head does not have them. Work is bounded by the
    /// length of the table.
    pub fn rows<const N: usize>(self, names: [&str; N]) -> impl Iterator<Item = [&'static str; N]> {
        let places = self.places(names);
        self.lines().skip(1).filter_map(move |line| columns(line, places?))
    }

    /// The rows whose first column is `key`.
    pub fn rows_of<const N: usize>(self, key: &str, names: [&str; N]) -> impl Iterator<Item = [&'static str; N]> {
        let places = self.places(names);
        self.lines()
            .skip(1)
            .filter(move |line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with('\t')))
            .filter_map(move |line| columns(line, places?))
    }

    fn places<const N: usize>(self, names: [&str; N]) -> Option<[usize; N]> {
        let head = self.lines().next()?;
        let mut places = [0; N];
        for (place, name) in places.iter_mut().zip(names) {
            *place = head.split('\t').position(|column| column == name)?;
        }
        Some(places)
    }

    fn lines(self) -> impl Iterator<Item = &'static str> {
        self.0.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    }
}

fn columns<const N: usize>(line: &'static str, places: [usize; N]) -> Option<[&'static str; N]> {
    let mut found = [""; N];
    for (slot, place) in found.iter_mut().zip(places) {
        *slot = line.split('\t').nth(place)?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# a note\nproduct\tcycle\teol\nnginx\t1.2\t2013\n# another\nnginx-plus\t1\tnone\nnginx\t1.4\t\n";

    #[test]
    fn rows_are_given_by_the_names_of_their_columns() {
        let rows: Vec<_> = Table::new(TEXT).rows(["eol", "product"]).collect();
        assert_eq!(rows, [["2013", "nginx"], ["none", "nginx-plus"], ["", "nginx"]]);
    }

    #[test]
    fn rows_of_a_key_are_those_whose_first_column_is_exactly_it() {
        let rows: Vec<_> = Table::new(TEXT).rows_of("nginx", ["cycle"]).collect();
        assert_eq!(rows, [["1.2"], ["1.4"]]);
    }

    #[test]
    fn a_column_that_is_not_there_gives_no_row() {
        assert_eq!(Table::new(TEXT).rows(["end"]).count(), 0);
        assert_eq!(Table::new("").rows(["end"]).count(), 0);
    }
}
