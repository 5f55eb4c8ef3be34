//! What a page shows: the titles and marks of `default-pages.tsv`, and whether it asks for a password (HTML, section
//! 4.10.5.1.6: an input of type password).
//!
//! Keeps: words of closed lists. Drops: the page; what is searched octet by octet is never kept, what is compared
//! (title, first 4 KiB) is dropped by the caller.

use super::web_text::{after, contains, find, starts_with};
use auscult_report::fact::{SignPlace, WebPage};
use auscult_report::version::Version;

/// Searches a page for a password field as it goes by, and for the place where the form around it is sent to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PasswordField {
    field: usize,
    form: usize,
    action: usize,
    /// The form in hand is sent over https.
    secure: bool,
    /// A password field was seen.
    pub(super) seen: bool,
    /// It stands in a form that is sent back over http, or in none.
    pub(super) clear: bool,
}

impl PasswordField {
    /// The next octets. Quotes and white space do not count. Work is bounded by the octets.
    pub(super) fn hear(&mut self, octets: &[u8]) {
        for octet in octets {
            if matches!(octet, b'"' | b'\'' | b' ' | b'\t' | b'\r' | b'\n') {
                continue;
            }
            let octet = octet.to_ascii_lowercase();
            if matches(FORM, &mut self.form, octet) {
                self.secure = false;
            }
            if matches(ACTION, &mut self.action, octet) {
                self.secure = true;
            }
            if matches(FIELD, &mut self.field, octet) {
                self.seen = true;
                self.clear |= !self.secure;
            }
        }
    }
}

/// The page's title, trimmed.
pub(super) fn title(text: &[u8]) -> &[u8] {
    let inside = after(text, b"<title").and_then(|t| after(t, b">")).unwrap_or_default();
    let end = inside.iter().position(|o| *o == b'<').unwrap_or(0);
    inside.get(..end).unwrap_or_default().trim_ascii()
}

/// Which factory page this is. `whole` says that `text` is all of the page, `old_iis` that the server calls itself
/// IIS 5 or 6.
pub(super) fn default_page(text: &[u8], whole: bool, old_iis: bool) -> Option<WebPage> {
    let title = title(text);
    let by_title = PAGES.iter().find(|p| match p.1 {
        Fits::All => title.eq_ignore_ascii_case(p.0),
        Fits::Start => starts_with(title, p.0),
    });
    match by_title.map(|p| p.2) {
        Some(WebPage::Iis6) if !old_iis => None,
        Some(WebPage::Lighttpd) if !contains(text, b"placeholder page") => None,
        Some(WebPage::TomcatDebian) if !contains(text, b"it works !") => None,
        Some(WebPage::Tomcat) if contains(title, b"error report") => None,
        Some(page) => Some(page),
        None if title.is_empty() && whole && text.len() < SHORT_PAGE && contains(text, b"it works!") => {
            Some(WebPage::Apache)
        }
        None if contains(text, b"iisstart.png") || contains(text, b"iisstart.htm") => Some(WebPage::Iis),
        None => None,
    }
}

/// The numbers of IIS that a factory page belongs to, where it belongs to one.
pub(super) const fn iis_of(page: WebPage) -> Option<(SignPlace, [u32; 4])> {
    match page {
        WebPage::Iis6 => Some((SignPlace::DefaultPage, [6, 0, 0, 0])),
        WebPage::Iis7 => Some((SignPlace::DefaultPage, [7, 0, 0, 0])),
        WebPage::Iis8 => Some((SignPlace::DefaultPage, [8, 0, 0, 0])),
        WebPage::Iis | WebPage::IisClient => Some((SignPlace::DefaultPage, [0; 4])),
        _ => None,
    }
}

/// Whether the page lists the files of a folder.
pub(super) fn is_listing(text: &[u8]) -> bool {
    let title = title(text);
    starts_with(title, b"index of /")
        || starts_with(title, b"directory listing for")
        || starts_with(title, b"directory: /")
        || contains(text, b"[to parent directory]")
}

/// Whether an error page shows the inside of the program: paths, settings, the places in its code.
pub(super) fn is_error_detail(text: &[u8]) -> bool {
    let title = title(text);
    let yellow = contains(text, b"server error in '") && !title.eq_ignore_ascii_case(b"Runtime Error");
    let django = starts_with(title, b"disallowedhost at") || contains(text, b"<code>debug = true</code>");
    let iis = starts_with(title, b"iis ") && contains(title, b"detailed error");
    let java = contains(text, b"java.lang.") && (contains(text, b"<pre>") || contains(text, b"at org."));
    let php = contains(text, b"</b> on line <b>");
    yellow || django || iis || java || php || contains(text, b"traceback (most recent call last)")
}

/// The product that the title names, by its word in the list, and its version.
pub(super) fn title_product(text: &[u8]) -> Option<(&'static [u8], Option<Version>)> {
    let title = title(text);
    let (word, name) = PRODUCTS.iter().find(|p| contains(title, p.0))?;
    let version = find(title, word).and_then(|at| title.get(at.saturating_add(word.len())..));
    let version = version.map(|v| v.strip_prefix(b"/").unwrap_or(v).trim_ascii_start());
    Some((name, version.and_then(Version::leading)))
}

/// One step of a search for `word`, all in lower case; true when it is complete. No beginning of these words stands
/// again inside them, so that a search that fails starts anew.
fn matches(word: &[u8], at: &mut usize, octet: u8) -> bool {
    if word.get(*at) == Some(&octet) {
        *at = at.saturating_add(1);
    } else {
        *at = usize::from(word.first() == Some(&octet));
    }
    let complete = *at == word.len();
    if complete {
        *at = 0;
    }
    complete
}

#[derive(Clone, Copy, Debug)]
enum Fits {
    All,
    Start,
}

/// Octets of the page of Apache's own package.
const SHORT_PAGE: usize = 60;

const FIELD: &[u8] = b"type=password";
const FORM: &[u8] = b"<form";
const ACTION: &[u8] = b"action=https://";

/// `default-pages.tsv`: titles that mean that nobody set up a site.
const PAGES: &[(&[u8], Fits, WebPage)] = &[
    (b"IIS Windows Server", Fits::All, WebPage::Iis),
    (b"IIS Windows", Fits::All, WebPage::IisClient),
    (b"Microsoft Internet Information Services 8", Fits::Start, WebPage::Iis8),
    (b"IIS7", Fits::All, WebPage::Iis7),
    (b"Under Construction", Fits::All, WebPage::Iis6),
    (b"Apache2 Debian Default Page: It works", Fits::All, WebPage::ApacheDebian),
    (b"Apache2 Ubuntu Default Page: It works", Fits::All, WebPage::ApacheUbuntu),
    (b"Apache HTTP Server Test Page", Fits::Start, WebPage::ApacheRedHat),
    (b"Test Page for the Apache HTTP Server", Fits::Start, WebPage::ApacheRedHat),
    (b"HTTP Server Test Page powered by", Fits::Start, WebPage::ApacheRedHat),
    (b"Welcome to nginx!", Fits::All, WebPage::Nginx),
    (b"Welcome to nginx on Debian!", Fits::All, WebPage::NginxDebian),
    (b"Test Page for the Nginx HTTP Server", Fits::Start, WebPage::NginxRedHat),
    (b"Welcome page", Fits::All, WebPage::Lighttpd),
    (b"Apache Tomcat", Fits::All, WebPage::TomcatDebian),
    (b"Apache Tomcat/", Fits::Start, WebPage::Tomcat),
    (b"Welcome to XAMPP", Fits::Start, WebPage::Xampp),
    (b"Default Parallels Plesk", Fits::Start, WebPage::Plesk),
    (b"Default Plesk", Fits::Start, WebPage::Plesk),
];

/// Words of titles, in lower case, and the words of the list of products.
const PRODUCTS: &[(&[u8], &[u8])] = &[
    (b"apache tomcat", b"Tomcat"),
    (b"orthanc explorer", b"Orthanc"),
    (b"ohif", b"OHIF"),
    (b"weasis", b"Weasis"),
    (b"mirth connect administrator", b"Mirth"),
    (b"hapi fhir", b"HAPI FHIR"),
    (b"openemr", b"OpenEMR"),
    (b"phpmyadmin", b"phpMyAdmin"),
    (b"[jenkins]", b"Jenkins"),
    (b"diskstation", b"Synology"),
    (b"welcome to xampp", b"XAMPP"),
    (b"plesk", b"Plesk"),
    (b"whitelabel error page", b"Spring"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::product::Product;

    fn field(page: &str, piece: usize) -> (bool, bool) {
        let mut f = PasswordField::default();
        for p in page.as_bytes().chunks(piece) {
            f.hear(p);
        }
        (f.seen, f.clear)
    }

    #[test]
    fn a_password_field_is_found_however_it_is_written_and_cut() {
        for page in [
            "<form method=post><input type=password name=p></form>",
            "<form><input type=\"password\"></form>",
            "<FORM ACTION='/x'><INPUT TYPE = 'PASSWORD'></FORM>",
        ] {
            for piece in [1, 5, 1000] {
                assert_eq!(field(page, piece), (true, true), "{page}");
            }
        }
        assert_eq!(field("<p>type your password</p><input type=text name=password>", 1), (false, false));
    }

    #[test]
    fn a_form_that_is_sent_over_https_is_no_login_in_the_clear() {
        assert_eq!(field("<form action=\"https://x/l\"><input type=password></form>", 1), (true, false));
        let two = "<form action=\"https://x/l\"></form><form action=/l><input type=password></form>";
        assert_eq!(field(two, 1), (true, true));
    }

    #[test]
    fn factory_pages_are_known_by_their_titles() {
        let page = |t: &str| default_page(format!("<html><TITLE>\r\n {t}</TITLE>").as_bytes(), true, false);
        assert_eq!(page("IIS7"), Some(WebPage::Iis7));
        assert_eq!(page("IIS Windows Server"), Some(WebPage::Iis));
        assert_eq!(page("Welcome to nginx!"), Some(WebPage::Nginx));
        assert_eq!(page("Apache2 Debian Default Page: It works"), Some(WebPage::ApacheDebian));
        assert_eq!(page("Apache Tomcat/9.0.31"), Some(WebPage::Tomcat));
        assert_eq!(page("Apache Tomcat/9.0.31 - Error report"), None);
        assert_eq!(page("Under Construction"), None);
        assert_eq!(page("Welcome page"), None);
        assert_eq!(page("Canary Valley Clinic"), None);
        assert_eq!(default_page(b"<title>Under Construction</title>", true, true), Some(WebPage::Iis6));
        assert_eq!(default_page(b"<html><body><h1>It works!</h1></body></html>", true, false), Some(WebPage::Apache));
        assert_eq!(default_page(b"<img src=\"iisstart.png\">", false, false), Some(WebPage::Iis));
    }

    #[test]
    fn listings_and_error_pages_are_told_apart() {
        assert!(is_listing(b"<title>Index of /transcripts</title>"));
        assert!(is_listing(b"<a href=\"/\">[To Parent Directory]</a>"));
        assert!(!is_listing(b"<title>Index of services</title>"));
        assert!(is_error_detail(b"<title>IIS 7.5 Detailed Error - 404.0 - Not Found</title>"));
        assert!(is_error_detail(b"<title>x</title><h1>Server Error in '/app' Application.</h1>"));
        assert!(!is_error_detail(b"<title>Runtime Error</title><h1>Server Error in '/' Application.</h1>"));
        assert!(!is_error_detail(b"<title>404 Not Found</title>"));
    }

    #[test]
    fn titles_name_products_of_the_list() {
        for (_, word) in PRODUCTS {
            assert!(Product::called(word).is_some());
        }
        let (word, version) = title_product(b"<title>Apache Tomcat/9.0.31 (Debian)</title>").unwrap();
        assert_eq!((word, version.unwrap().as_str()), (&b"Tomcat"[..], "9.0.31"));
        assert_eq!(title_product(b"<title>ZZCANARY</title>"), None);
    }
}
