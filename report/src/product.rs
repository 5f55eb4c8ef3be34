//! The shipped list of products: a product word leaves the clinic only as its place in this list.
//!
//! Keeps: the place. Drops: every product word that is not here; the sensor says "unlisted" for it. Rows are only ever
//! appended, because their place is their encoding.

use serde::{Deserialize, Serialize};

/// A product of the list, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Product(u16);

impl Product {
    /// The product of exactly this name. Work is bounded by the length of the list.
    #[must_use]
    pub fn named(name: &str) -> Option<Product> {
        let place = PRODUCTS.iter().position(|p| p.0 == name)?;
        u16::try_from(place).ok().map(Product)
    }

    /// The product that a server calls by this word, in any case (`nginx`, `Microsoft-IIS`, `OFFIS_DCMTK`).
    #[must_use]
    pub fn called(word: &[u8]) -> Option<Product> {
        let place = PRODUCTS.iter().position(|p| p.1.split('|').any(|w| w.as_bytes().eq_ignore_ascii_case(word)))?;
        u16::try_from(place).ok().map(Product)
    }

    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        PRODUCTS.get(usize::from(self.0)).map_or("unlisted", |p| p.0)
    }

    /// The name of the product in the table of lifecycles (`assess/knowledge/eol-products.tsv`), if it stands there.
    #[must_use]
    pub fn lifecycle(self) -> Option<&'static str> {
        PRODUCTS.get(usize::from(self.0)).map(|p| p.2).filter(|l| !l.is_empty())
    }
}

impl TryFrom<u16> for Product {
    type Error = &'static str;
    fn try_from(place: u16) -> Result<Product, &'static str> {
        if usize::from(place) < PRODUCTS.len() { Ok(Product(place)) } else { Err("a product that is not in the list") }
    }
}

/// Name, the words by which servers call it (separated by `|`), product in the table of lifecycles.
pub const PRODUCTS: &[(&str, &str, &str)] = &[
    ("unlisted", "", ""),
    // web servers and what stands behind them
    ("Apache httpd", "Apache|Apache-AdvancedExtranetServer", "apache-http-server"),
    ("nginx", "nginx", "nginx"),
    ("Microsoft IIS", "Microsoft-IIS", ""),
    ("Microsoft HTTPAPI", "Microsoft-HTTPAPI", ""),
    ("lighttpd", "lighttpd", ""),
    ("Apache Tomcat", "Apache-Coyote|Tomcat", "tomcat"),
    ("Jetty", "Jetty", "eclipse-jetty"),
    ("Kestrel", "Kestrel", ""),
    ("gSOAP", "gSOAP", ""),
    ("GoAhead", "GoAhead-Webs|GoAhead", ""),
    ("Virata EmWeb", "Virata-EmWeb|Agranat-EmWeb|EmWeb|Conexant-EmWeb|GlobespanVirata-EmWeb", ""),
    ("mini_httpd", "mini_httpd", ""),
    ("thttpd", "thttpd", ""),
    ("Boa", "Boa", ""),
    ("Werkzeug", "Werkzeug", ""),
    ("CUPS", "CUPS", ""),
    ("PHP", "PHP", "php"),
    ("ASP.NET", "ASP.NET", ""),
    ("OpenSSL", "OpenSSL", "openssl"),
    ("Squid", "squid", "squid"),
    ("Express", "Express", ""),
    ("Next.js", "Next.js", ""),
    ("Drupal", "Drupal", "drupal"),
    ("WordPress", "WordPress", "wordpress"),
    ("Python http.server", "SimpleHTTP|BaseHTTP", ""),
    ("Python", "Python|CPython", "python"),
    ("gunicorn", "gunicorn", ""),
    ("uvicorn", "uvicorn", ""),
    ("Caddy", "Caddy", ""),
    ("Cherokee", "Cherokee", ""),
    ("LiteSpeed", "LiteSpeed", ""),
    ("OpenResty", "openresty", ""),
    ("Oracle WebLogic", "WebLogic", ""),
    ("GlassFish", "GlassFish", ""),
    ("cpsrvd", "cpsrvd", ""),
    ("MiniUPnPd", "MiniUPnPd", ""),
    ("TornadoServer", "TornadoServer", ""),
    ("WEBrick", "WEBrick", ""),
    ("Civetweb", "Civetweb|Mongoose", ""),
    // imaging, messages, records
    ("Orthanc", "Orthanc", ""),
    ("DCMTK", "OFFIS_DCMTK|DCMTK", ""),
    ("pynetdicom", "PYNETDICOM", ""),
    ("pydicom", "PYDICOM", ""),
    ("fo-dicom", "fo-dicom", ""),
    ("dcm4che", "dcm4che", ""),
    ("ConQuest DICOM server", "ConQuest", ""),
    ("ClearCanvas", "ClearCanvas", ""),
    ("GDCM", "GDCM", ""),
    ("DICOM-rs", "DICOM-rs", ""),
    ("dcmjs-dimse", "DCMJS-DIMSE", ""),
    ("Merge DICOM Toolkit", "MergeCOM3", ""),
    ("OsiriX or Horos", "OSIRIX", ""),
    ("LEADTOOLS", "LEADTOOLS", ""),
    ("Laurel Bridge DCF", "DCF", ""),
    ("GE HealthCare", "", ""),
    ("Siemens Healthineers", "", ""),
    ("Philips", "", ""),
    ("Canon Medical", "", ""),
    ("Fujifilm", "", ""),
    ("Konica Minolta", "", ""),
    ("Carestream", "", ""),
    ("Hologic", "", ""),
    ("Agfa HealthCare", "", ""),
    ("Varian", "", ""),
    ("HAPI FHIR", "HAPI|HAPI FHIR", ""),
    ("Mirth Connect", "Mirth", ""),
    ("OHIF Viewer", "OHIF", ""),
    ("Weasis", "Weasis", ""),
    ("OpenEMR", "OpenEMR", ""),
    // data bases
    ("MariaDB", "MariaDB", "mariadb"),
    ("MySQL", "MySQL", "mysql"),
    ("PostgreSQL", "PostgreSQL", "postgresql"),
    ("Redis", "Redis", "redis"),
    ("Valkey", "Valkey", "valkey"),
    ("MongoDB", "MongoDB", "mongodb"),
    ("Microsoft SQL Server", "", "mssqlserver"),
    ("Oracle Database", "", "oracle-database"),
    ("memcached", "memcached", "memcached"),
    ("Elasticsearch", "Elasticsearch", "elasticsearch"),
    ("Kibana", "Kibana", "kibana"),
    ("CouchDB", "CouchDB", "apache-couchdb"),
    ("InfluxDB", "InfluxDB", "influxdb"),
    ("phpMyAdmin", "phpMyAdmin", "phpmyadmin"),
    // remote administration, files, mail, names
    ("OpenSSH", "OpenSSH", ""),
    ("OpenSSH for Windows", "OpenSSH_for_Windows", ""),
    ("Dropbear", "dropbear", ""),
    ("libssh", "libssh", ""),
    ("Cisco SSH", "Cisco", ""),
    ("RomSShell", "RomSShell|Mocana SSH", ""),
    ("Bitvise SSH Server", "WinSSHD|FlowSsh", ""),
    ("Samba", "Samba", ""),
    ("Windows", "Windows", "windows"),
    ("vsftpd", "vsFTPd", ""),
    ("ProFTPD", "ProFTPD", "proftpd"),
    ("Pure-FTPd", "Pure-FTPd", ""),
    ("FileZilla Server", "FileZilla", ""),
    ("Microsoft FTP", "Microsoft FTP", ""),
    ("NetBSD ftpd", "NetBSD-ftpd", ""),
    ("Postfix", "Postfix", "postfix"),
    ("Exim", "Exim", "exim"),
    ("Sendmail", "Sendmail", ""),
    ("Microsoft SMTP", "Microsoft ESMTP MAIL Service", ""),
    ("Microsoft Exchange", "Exchange", "msexchange"),
    ("Dovecot", "Dovecot", "dovecot"),
    ("Courier", "Courier", ""),
    ("Cyrus IMAP", "Cyrus", ""),
    ("BIND", "BIND", ""),
    ("dnsmasq", "dnsmasq", ""),
    ("Unbound", "unbound", ""),
    ("Mosquitto", "mosquitto", ""),
    ("RealVNC", "RealVNC", ""),
    // systems and clients that name themselves
    ("udhcp", "udhcp", ""),
    ("dhcpcd", "dhcpcd", ""),
    ("Microsoft DHCP client", "MSFT", ""),
    ("Android DHCP client", "android-dhcp", ""),
    ("Cisco IOS", "Cisco IOS|cisco-IOS", "cisco-ios"),
    ("Brother printer", "Brother", ""),
    ("HP printer", "HP|Hewlett-Packard", ""),
    ("Jenkins", "Jenkins", "jenkins"),
    ("Synology DSM", "Synology", ""),
    ("XAMPP", "XAMPP", ""),
    ("Plesk", "Plesk", "plesk"),
    ("Spring Boot", "Spring", ""),
    ("Django", "Django", ""),
    ("Debian", "Debian", "debian"),
    ("Ubuntu", "Ubuntu", "ubuntu"),
    // pictures and telephones
    ("GStreamer RTSP server", "GStreamer", ""),
    ("LIVE555", "LIVE555", ""),
    ("Kamailio", "kamailio", ""),
    ("OpenSIPS", "OpenSIPS", ""),
    ("Asterisk", "Asterisk|FPBX-", ""),
    // data bases of DRDA
    ("IBM Db2", "", "ibm-db2"),
    ("Apache Derby", "", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_word_finds_its_product_in_any_case() {
        assert_eq!(Product::called(b"NGINX").map(Product::name), Some("nginx"));
        assert_eq!(Product::called(b"Microsoft-IIS").map(Product::name), Some("Microsoft IIS"));
        assert_eq!(Product::called(b"ZZCANARY"), None);
    }

    #[test]
    fn an_empty_word_calls_nothing_but_the_first_row() {
        assert_eq!(Product::called(b"").map(Product::name), Some("unlisted"));
    }

    #[test]
    fn every_name_stands_once() {
        for (i, p) in PRODUCTS.iter().enumerate() {
            assert_eq!(Product::named(p.0).map(|n| usize::from(n.0)), Some(i), "{}", p.0);
        }
    }

    #[test]
    fn a_place_beyond_the_list_is_refused_by_the_decoder() {
        let octets = postcard::to_allocvec(&60_000u16).unwrap();
        assert!(postcard::from_bytes::<Product>(&octets).is_err());
    }
}
