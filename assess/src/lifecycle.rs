//! When support ends: of a product's cycle (`eol-products.tsv`), of a release of Linux (`distro-eol.tsv`).
//!
//! Keeps: the best case. Drops: whether somebody paid for more; the wire never shows it, so there is a word for that.

use crate::date::Day;
use crate::knowledge::table;
use crate::version::leading_numbers;

/// Where a product stands on a day; from the worst to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// Nobody mends it any more.
    Ended,
    /// Only those who paid, or a long-term programme, get updates.
    PaidOnly,
    /// The last free day is within [`SOON_DAYS`].
    Ending,
    /// It is maintained.
    Supported,
}

impl Support {
    /// The word of `os.support` and `sw.support`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Support::Ended => "ended",
            Support::PaidOnly => "paid-only",
            Support::Ending => "ending",
            Support::Supported => "supported",
        }
    }

    /// On `today`, of something whose last free day is `end` and whose last paid day is `paid`.
    #[must_use]
    pub fn on(today: Day, end: Day, paid: Option<Day>) -> Support {
        let left = today.until(end);
        if left > SOON_DAYS {
            Support::Supported
        } else if left >= 0 {
            Support::Ending
        } else if paid.is_some_and(|p| p >= today) {
            Support::PaidOnly
        } else {
            Support::Ended
        }
    }
}

/// A cycle of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// How the product counts it: `10.11`, `15`.
    pub name: &'static str,
    /// When it began.
    pub released: Option<Day>,
    /// Its last free day, where one is announced.
    pub end: Option<Day>,
    /// Where it stands.
    pub support: Support,
}

/// The cycle that a version belongs to: the one with the most numbers that the version begins with. Where a product
/// counts several (service packs), the best case. A version below every cycle of the table belongs to the oldest, if
/// that has ended; one above all of them is newer than the table, and nothing is known of it.
#[must_use]
pub fn cycle(product: &str, version: [u32; 4], today: Day) -> Option<Cycle> {
    if product == EXCHANGE {
        return exchange(version, today);
    }
    let (mut best, mut best_len, mut oldest) = (None::<Cycle>, 0, None::<(Vec<u32>, Cycle)>);
    for row in table("eol-products.tsv").rows_of(product, CYCLE_COLUMNS) {
        let numbers = leading_numbers(row[0]);
        if numbers.is_empty() {
            continue;
        }
        let cycle = read(row, today);
        if version.starts_with(&numbers) && numbers.len() >= best_len {
            let is_longer = numbers.len() > best_len;
            best_len = numbers.len();
            best = best.filter(|b| !is_longer && b.support >= cycle.support).or(Some(cycle));
        }
        if oldest.as_ref().is_none_or(|(least, _)| numbers < *least) {
            oldest = Some((numbers, cycle));
        }
    }
    let before_all = |(least, cycle): (Vec<u32>, Cycle)| {
        (version[..] < least[..] && cycle.support == Support::Ended).then_some(Cycle { released: None, ..cycle })
    };
    best.or_else(|| oldest.and_then(before_all))
}

/// Exchange calls its cycles by years and says builds: the cycle is the first whose newest build is not below.
fn exchange(version: [u32; 4], today: Day) -> Option<Cycle> {
    let [major, minor, build, _] = version;
    let columns = ["cycle", "released", "eol", "extended_end", "latest_seen"];
    let rows =
        table("eol-products.tsv").rows_of(EXCHANGE, columns).filter_map(|[cycle, released, eol, paid, latest]| {
            let numbers = leading_numbers(latest);
            let newest = *numbers.get(2)?;
            numbers.starts_with(&[major, minor]).then_some((newest, read([cycle, released, eol, paid], today)))
        });
    let rows: Vec<(u32, Cycle)> = rows.collect();
    let fits = rows.iter().filter(|(newest, _)| *newest >= build).min_by_key(|(newest, _)| *newest);
    fits.or_else(|| rows.iter().max_by_key(|(newest, _)| *newest)).map(|(_, cycle)| *cycle)
}

fn read([name, released, eol, paid]: [&'static str; 4], today: Day) -> Cycle {
    let end = Day::read(eol);
    let support = match (eol, end) {
        ("none", _) => Support::Supported,
        (_, Some(end)) => Support::on(today, end, Day::read(paid)),
        // It ended, on a day that nobody wrote down.
        (_, None) => Support::Ended,
    };
    Cycle { name, released: Day::read(released), end, support }
}

/// Where a release of a distribution stands: past its regular end it lives on in long-term or paid programmes. Release
/// as major and minor number: Debian 12 is 12, 0; Ubuntu 22.04 is 22, 4.
#[must_use]
pub fn distribution(name: &str, release: (u8, u8), today: Day) -> Option<Support> {
    let (major, minor) = release;
    if name == "centos" {
        return cycle(name, [u32::from(major), u32::from(minor), 0, 0], today).map(|c| c.support);
    }
    let [eol, lts, paid] = table("distro-eol.tsv")
        .rows_of(name, ["version", "eol", "lts_end", "paid_end"])
        .find(|[version, ..]| {
            let numbers = leading_numbers(version);
            numbers.first() == Some(&major.into()) && numbers.get(1).copied().unwrap_or(0) == u32::from(minor)
        })
        .map(|[_, eol, lts, paid]| [eol, lts, paid].map(Day::read))?;
    Some(Support::on(today, eol?, lts.max(paid)))
}

/// Days before the last one from which on support is ending: time to plan a change.
pub const SOON_DAYS: i64 = 180;

const CYCLE_COLUMNS: [&str; 4] = ["cycle", "released", "eol", "extended_end"];

const EXCHANGE: &str = "msexchange";

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> Day {
        Day::read("2026-11-21").unwrap()
    }

    fn of(product: &str, version: [u32; 4]) -> Option<(&'static str, Support)> {
        cycle(product, version, today()).map(|c| (c.name, c.support))
    }

    #[test]
    fn every_row_stands_where_its_table_says() {
        let columns = ["product", "cycle", "released", "eol", "extended_end", "status_2026_11_21"];
        let mut rows = 0;
        for [product, name, released, eol, paid, status] in table("eol-products.tsv").rows(columns) {
            let expected = match status {
                "ending-180d" => Support::Ending,
                "paid-or-extended-only" => Support::PaidOnly,
                "supported" => Support::Supported,
                "ended" => Support::Ended,
                other => panic!("{other}"),
            };
            assert_eq!(read([name, released, eol, paid], today()).support, expected, "{product} {name}");
            rows += 1;
        }
        assert_eq!(rows, 1465);
    }

    #[test]
    fn each_product_counts_its_cycles_in_its_own_way() {
        for (product, version, cycle, support) in [
            ("postgresql", [15, 20, 0, 0], "15", Support::Supported),
            ("postgresql", [9, 6, 24, 0], "9.6", Support::Ended),
            ("mariadb", [10, 11, 19, 0], "10.11", Support::Supported),
            ("mariadb", [10, 6, 3, 0], "10.6", Support::PaidOnly),
            ("mongodb", [3, 4, 10, 0], "3.4", Support::Ended),
            ("php", [5, 4, 16, 0], "5.4", Support::Ended),
            ("php", [8, 2, 36, 0], "8.2", Support::Ending),
            ("openssl", [1, 1, 1, 0], "1.1.1", Support::Ended),
            ("openssl", [3, 0, 20, 0], "3.0", Support::Ended),
            ("tomcat", [9, 0, 31, 0], "9.0", Support::Ending),
            ("tomcat", [7, 0, 100, 0], "7", Support::Ended),
            ("elasticsearch", [7, 17, 3, 0], "7", Support::Ended),
            ("elasticsearch", [8, 19, 1, 0], "8.19", Support::Supported),
            // The build says no service pack: the best of them.
            ("mssqlserver", [13, 0, 5000, 0], "13.0-sp3-acp", Support::PaidOnly),
            ("mssqlserver", [10, 50, 1600, 0], "10.50-sp3", Support::Ended),
            ("msexchange", [15, 1, 2507, 61], "2016", Support::Ended),
            ("msexchange", [15, 2, 1118, 7], "2019", Support::Ended),
            ("msexchange", [15, 2, 2562, 46], "subscription", Support::Supported),
            // Older than the table begins.
            ("redis", [2, 8, 17, 0], "5.0", Support::Ended),
        ] {
            assert_eq!(of(product, version), Some((cycle, support)), "{product} {version:?}");
        }
    }

    #[test]
    fn nothing_is_known_of_a_version_that_is_newer_than_the_table() {
        assert_eq!(of("mongodb", [99, 0, 0, 0]), None);
        assert_eq!(of("nginx", [1, 99, 0, 0]), None);
        assert_eq!(of("gopher", [1, 0, 0, 0]), None);
        assert_eq!(of("", [1, 0, 0, 0]), None);
    }

    #[test]
    fn a_release_of_linux_lives_on_in_its_programmes() {
        for (name, release, support) in [
            ("debian", (13, 0), Support::Supported),
            ("debian", (12, 0), Support::PaidOnly),
            ("debian", (11, 0), Support::PaidOnly),
            ("debian", (8, 0), Support::Ended),
            ("debian", (6, 0), Support::Ended),
            ("ubuntu", (26, 4), Support::Supported),
            ("ubuntu", (20, 4), Support::PaidOnly),
            ("ubuntu", (16, 4), Support::Ended),
            ("ubuntu", (22, 10), Support::Ended),
            ("centos", (6, 0), Support::Ended),
        ] {
            assert_eq!(distribution(name, release, today()), Some(support), "{name} {release:?}");
        }
        assert_eq!(distribution("debian", (99, 0), today()), None);
    }

    #[test]
    fn the_last_day_is_still_a_day() {
        let day = |text| Day::read(text).unwrap();
        assert_eq!(Support::on(day("2026-11-21"), day("2026-11-21"), None), Support::Ending);
        assert_eq!(Support::on(day("2026-11-22"), day("2026-11-21"), None), Support::Ended);
        assert_eq!(Support::on(day("2026-11-22"), day("2026-11-21"), Some(day("2026-11-22"))), Support::PaidOnly);
        assert_eq!(Support::on(day("2026-05-24"), day("2026-11-21"), None), Support::Supported);
        assert_eq!(Support::on(day("2026-05-25"), day("2026-11-21"), None), Support::Ending);
    }
}
