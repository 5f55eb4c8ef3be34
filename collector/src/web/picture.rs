//! Pictures as SVG 1.1, drawn here so that page, print and mail have the same: QR codes, strips of days, who can reach what.
//!
//! Keeps: classes of the stylesheet; a level is always also a height or a letter, never a colour alone. Drops: styles in the picture,
//! which the pages' policy forbids; every text is escaped.

use super::words::level;
use crate::judge::{HEARD, cell};
use crate::store::StripRow;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use qrcode::{Color, EcLevel, QrCode};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A QR code; empty if the text is too long for one.
pub(super) fn qr(text: &str, says: &str) -> String {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return String::new() };
    let width = code.width();
    let mut path = String::new();
    for (row, line) in code.to_colors().chunks(width).enumerate() {
        for (column, _) in line.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
            let _ = write!(path, "M{} {}h1v1h-1z", column.saturating_add(QUIET), row.saturating_add(QUIET));
        }
    }
    let size = width.saturating_add(QUIET.saturating_mul(2));
    format!(
        "<svg class=\"qr\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\">\
         <rect class=\"paper\" width=\"{size}\" height=\"{size}\"/><path class=\"ink\" d=\"{path}\"/></svg>",
        escaped(says)
    )
}

/// The last days of a clinic: a bar a day, as high as the worst that was open; hollow where nobody listened.
pub(super) fn strip(strip: &StripRow, days: u64, now: Timestamp) -> String {
    let today = now.days();
    let first = today.saturating_sub(days.saturating_sub(1));
    let mut paths: BTreeMap<u8, String> = BTreeMap::new();
    let (mut worst, mut deaf) = (0, 0u64);
    for day in first..=today {
        let octet = cell(strip, day);
        let number = octet & !HEARD;
        let is_deaf = octet & HEARD == 0;
        let x = day.saturating_sub(first).saturating_mul(CELL);
        let (class, height) = if is_deaf && number == 0 {
            (DEAF, 20)
        } else {
            (number, HEIGHTS.get(usize::from(number)).copied().unwrap_or(28))
        };
        let path = paths.entry(class).or_default();
        let top = if class == DEAF { 4 } else { 28u64.saturating_sub(height) };
        let _ = write!(path, "M{x} {top}h4v{height}h-4z");
        worst = worst.max(number);
        deaf = deaf.saturating_add(u64::from(is_deaf));
    }
    let width = days.saturating_mul(CELL);
    let worst = worst.checked_sub(1).map_or("nothing was open", |n| level(n).word);
    let mut svg = format!(
        "<svg class=\"strip\" role=\"img\" viewBox=\"0 0 {width} 28\" preserveAspectRatio=\"none\" \
         aria-label=\"{days} days: the worst was {}; on {deaf} of them nobody listened\">",
        escaped(&worst.to_lowercase())
    );
    for (class, path) in paths {
        let name = match class {
            DEAF => "deaf",
            0 => "calm",
            n => level(n.saturating_sub(1)).class,
        };
        let _ = write!(svg, "<path class=\"d-{name}\" d=\"{path}\"/>");
    }
    svg.push_str("</svg>");
    svg
}

/// The months below a strip: where each begins, in days from the left, and its name.
pub(super) fn months(days: u64, now: Timestamp) -> Vec<(u64, String)> {
    let first = now.days().saturating_sub(days.saturating_sub(1));
    (first..=now.days())
        .filter_map(|day| {
            let at = i64::try_from(day.saturating_mul(MS_PER_DAY)).ok()?;
            let at = jiff::Timestamp::from_millisecond(at).ok()?;
            let is_first = at.strftime("%d").to_string() == "01";
            is_first.then(|| (day.saturating_sub(first), at.strftime("%b").to_string()))
        })
        .collect()
}

/// Something in the exposure picture.
pub(super) struct Box_ {
    /// In which column: 0 devices and services, 1 Wi-Fi, 2 site and sensors.
    pub(super) column: usize,
    /// What it is called.
    pub(super) name: String,
    /// How bad the worst about it is.
    pub(super) level: u8,
    /// How many matters it has.
    pub(super) matters: usize,
    /// Whether it was reached from the internet.
    pub(super) outside: bool,
}

/// Who can reach what: the internet on the left, then the router, then what something was found about.
pub(super) fn exposure(boxes: &[Box_]) -> String {
    let columns: Vec<Vec<&Box_>> =
        (0..COLUMNS.len()).map(|n| boxes.iter().filter(|b| b.column == n).collect()).collect();
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0).max(2);
    let height = rows.saturating_mul(ROW).saturating_add(56);
    let middle = height.saturating_add(30) / 2;
    let reached = boxes.iter().filter(|b| b.outside).count();
    let mut svg = format!(
        "<svg class=\"exposure\" role=\"img\" viewBox=\"0 0 1120 {height}\" aria-label=\"Who can reach what: {} of {} were reached \
         from the internet. The table below says the same.\">",
        reached,
        boxes.len()
    );
    let mut drawn = String::new();
    place(&mut drawn, (20, middle.saturating_sub(26)), 120, "Internet", "globe");
    place(&mut drawn, (190, middle.saturating_sub(26)), 110, "Router", "router");
    let _ = write!(svg, "<path class=\"way{}\" d=\"M140 {middle}H190\"/>", if reached > 0 { " hot" } else { "" });
    for (column, (name, x, width)) in columns.iter().zip(COLUMNS) {
        let _ = write!(drawn, "<text class=\"column\" x=\"{x}\" y=\"24\">{name}</text>");
        if column.is_empty() {
            let _ = write!(drawn, "<text class=\"none\" x=\"{x}\" y=\"66\">nothing found</text>");
        }
        for (row, found) in column.iter().enumerate() {
            let y = 40usize.saturating_add(row.saturating_mul(ROW));
            if found.outside {
                let _ = write!(
                    svg,
                    "<path class=\"way hot\" d=\"M300 {middle}C325 {middle} 325 {0} {x} {0}\"/>",
                    y.saturating_add(26)
                );
            }
            found_box(&mut drawn, (x, y, width), found);
        }
    }
    svg + &drawn + "</svg>"
}

fn place(svg: &mut String, (x, y): (usize, usize), width: usize, name: &str, class: &str) {
    let _ = write!(
        svg,
        "<g class=\"place {class}\"><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"52\" rx=\"10\"/>\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{name}</text></g>",
        x.saturating_add(width / 2),
        y.saturating_add(31)
    );
}

fn found_box(svg: &mut String, (x, y, width): (usize, usize, usize), found: &Box_) {
    let said = level(found.level);
    let most = width / LETTER;
    let name: String = if found.name.chars().count() > most {
        found.name.chars().take(most.saturating_sub(1)).chain(['…']).collect()
    } else {
        found.name.clone()
    };
    let count = if found.matters > 1 { format!(", {} matters", found.matters) } else { String::new() };
    let _ = write!(
        svg,
        "<g class=\"found l-{}\"><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"52\" rx=\"8\"/>\
         <rect class=\"edge\" x=\"{x}\" y=\"{y}\" width=\"6\" height=\"52\" rx=\"3\"/>\
         <text x=\"{t}\" y=\"{}\">{}</text><text class=\"small\" x=\"{t}\" y=\"{}\">{}{count}</text></g>",
        said.class,
        y.saturating_add(22),
        escaped(&name),
        y.saturating_add(41),
        said.word,
        t = x.saturating_add(16),
    );
}

/// Text between tags or quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// White modules around a QR code (ISO/IEC 18004, 5.3.8).
const QUIET: usize = 4;
/// Units of a day in a strip.
const CELL: u64 = 5;
/// The height of a day by the worst that was open: nothing, note, low, medium, high, critical.
const HEIGHTS: [u64; 6] = [3, 8, 13, 18, 23, 28];
/// Nobody listened.
const DEAF: u8 = 0x7f;
/// Units of a row of the exposure picture.
const ROW: usize = 66;
/// Units of a letter with its share of the margins, in the widest of the letters that browsers take.
const LETTER: usize = 10;
/// Each column: its name, where it begins, how wide its boxes are.
const COLUMNS: [(&str, usize, usize); 3] =
    [("Devices and services", 350, 370), ("Wi-Fi", 750, 190), ("Site and sensors", 970, 150)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_says_in_words_what_it_shows_and_a_deaf_day_is_not_a_calm_one() {
        let days = StripRow { last_day: 20, cells: vec![HEARD, 0, HEARD | 5, 3] };
        let svg = strip(&days, 6, Timestamp(20 * MS_PER_DAY));
        assert!(svg.contains("6 days: the worst was critical; on 4 of them nobody listened"), "{svg}");
        for class in ["d-deaf", "d-calm", "d-critical", "d-medium"] {
            assert_eq!(svg.matches(class).count(), 1, "{class}: {svg}");
        }
        assert!(!svg.contains("style="));
    }

    #[test]
    fn what_stands_in_a_picture_is_escaped() {
        let name = "<script>\"'&".to_owned();
        let svg = exposure(&[Box_ { column: 0, name, level: 4, matters: 2, outside: true }]);
        assert!(svg.contains("&lt;script&gt;&quot;&#39;&amp;") && !svg.contains("<script"));
        assert!(qr("x", "a \"b\"").contains("a &quot;b&quot;"));
    }
}
