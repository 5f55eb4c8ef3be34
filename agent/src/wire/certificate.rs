//! X.509 certificates (RFC 5280) as they cross readable up to TLS 1.2, by the crate x509-parser.
//!
//! Keeps: the times of its validity, kind and size of its key, kind of its signature, whether issuer and subject are
//! the same, whether a given name stands in it. Drops: subject, issuer, serial number and all names themselves:
//! certificates may name people.

use super::WireError;
use super::reader::Reader;
use core::net::IpAddr;
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::extensions::{AuthorityKeyIdentifier, GeneralName, KeyIdentifier, SubjectAlternativeName};
use x509_parser::nom::Parser;
use x509_parser::oid_registry::{
    OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER, OID_X509_EXT_SUBJECT_ALT_NAME, OID_X509_EXT_SUBJECT_KEY_IDENTIFIER, Oid,
};
use x509_parser::prelude::FromDer;

/// A certificate, borrowed from what was heard.
pub struct Certificate<'a> {
    inner: X509Certificate<'a>,
}

/// The subject's public key (RFC 5280 section 4.1.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// RSA (RFC 3279, RFC 4055): size of the modulus, rounded up to whole octets.
    Rsa {
        /// Bits.
        bits: usize,
    },
    /// DSA (RFC 3279 section 2.3.2): size of the prime p.
    Dsa {
        /// Bits.
        bits: usize,
    },
    /// A curve (RFC 5480): size of a coordinate.
    Curve {
        /// Bits.
        bits: usize,
    },
    /// Another kind, or one whose size is not given.
    Other,
}

/// The hash in the signature (RFC 5280 section 4.1.1.2), as far as it is an old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// MD2, MD4 or MD5.
    Md,
    /// SHA-1.
    Sha1,
    /// Any other.
    Other,
}

impl<'a> Certificate<'a> {
    /// The certificate in `der`. Work is bounded by its length; the caller bounds that
    /// ([`super::tls::MAX_CERTIFICATE`]).
    ///
    /// # Errors
    /// `Malformed` if it is none.
    pub fn parse(der: &'a [u8]) -> Result<Certificate<'a>, WireError> {
        // Extensions are parsed one by one when they are asked for: a strange one must not hide the rest.
        let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
        let (_, inner) = parser.parse(der).map_err(|_| WireError::Malformed("certificate"))?;
        Ok(Certificate { inner })
    }

    /// notBefore (section 4.1.2.5): seconds since 1970, 0 if it is earlier.
    #[must_use]
    pub fn begins(&self) -> u64 {
        u64::try_from(self.inner.validity().not_before.timestamp()).unwrap_or(0)
    }

    /// notAfter (section 4.1.2.5): seconds since 1970, 0 if it is earlier.
    #[must_use]
    pub fn ends(&self) -> u64 {
        u64::try_from(self.inner.validity().not_after.timestamp()).unwrap_or(0)
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> Key {
        let key = self.inner.public_key();
        let octets = key.subject_public_key.data.as_ref();
        match key.algorithm.algorithm.as_bytes() {
            OID_RSA | OID_RSA_PSS => first_integer(octets).map_or(Key::Other, |bits| Key::Rsa { bits }),
            OID_DSA => {
                let parameters = key.algorithm.parameters.as_ref().map_or(&[][..], |p| p.data);
                integer(&mut Reader::new(parameters)).map_or(Key::Other, |bits| Key::Dsa { bits })
            }
            OID_EC => match octets.split_first() {
                Some((4, point)) => Key::Curve { bits: (point.len() / 2).saturating_mul(8) },
                Some((2 | 3, x)) => Key::Curve { bits: x.len().saturating_mul(8) },
                _ => Key::Other,
            },
            _ => Key::Other,
        }
    }

    /// Its signature.
    #[must_use]
    pub fn signature(&self) -> Signature {
        match self.inner.signature_algorithm.algorithm.as_bytes() {
            OID_MD2_RSA | OID_MD4_RSA | OID_MD5_RSA | OID_MD5_RSA_OIW => Signature::Md,
            OID_SHA1_RSA | OID_SHA1_RSA_OIW | OID_SHA1_DSA | OID_SHA1_DSA_OIW | OID_SHA1_EC => Signature::Sha1,
            _ => Signature::Other,
        }
    }

    /// Whether it was made by its own holder: issuer and subject are the same octets, and where it names both keys
    /// (section 4.2.1.1, 4.2.1.2), they are the same. The signature itself is not verified: no cryptography is built
    /// in for that, and nobody gains by a false issuer here.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        if self.inner.issuer().as_raw() != self.inner.subject().as_raw() {
            return false;
        }
        let own = self.extension(&OID_X509_EXT_SUBJECT_KEY_IDENTIFIER).and_then(|v| KeyIdentifier::from_der(v).ok());
        let signer = self
            .extension(&OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER)
            .and_then(|v| AuthorityKeyIdentifier::from_der(v).ok())
            .and_then(|(_, a)| a.key_identifier);
        match (own, signer) {
            (Some((_, own)), Some(signer)) => own == signer,
            _ => true,
        }
    }

    /// Whether `name` (a host name or an address, as asked for) stands in it, by RFC 6125 section 6.4: in
    /// subjectAltName, or in the common name if there is no such extension. `None` if its names cannot be read. Work is
    /// bounded by its length.
    #[must_use]
    pub fn covers(&self, name: &[u8]) -> Option<bool> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        let address = core::str::from_utf8(name).ok().and_then(|t| t.parse::<IpAddr>().ok());
        let Some(value) = self.extension(&OID_X509_EXT_SUBJECT_ALT_NAME) else {
            let mut common = self.inner.subject().iter_common_name();
            return Some(common.any(|c| matches_name(c.as_slice(), name)));
        };
        let (_, names) = SubjectAlternativeName::from_der(value).ok()?;
        Some(names.general_names.iter().any(|n| match n {
            GeneralName::DNSName(pattern) => address.is_none() && matches_name(pattern.as_bytes(), name),
            GeneralName::IPAddress(octets) => address.is_some_and(|a| is_address(a, octets)),
            _ => false,
        }))
    }

    /// The value of an extension.
    fn extension(&self, oid: &Oid<'_>) -> Option<&'a [u8]> {
        self.inner.extensions().iter().find(|e| e.oid == *oid).map(|e| e.value)
    }
}

/// Whether a dNSName stands for `name`: alike without case, or `*` in place of the whole first label (RFC 6125 section
/// 6.4.3).
fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    let pattern = pattern.strip_suffix(b".").unwrap_or(pattern);
    if let Some(parent) = pattern.strip_prefix(b"*") {
        let label = name.iter().position(|o| *o == b'.');
        let rest = label.and_then(|at| name.get(at..)).unwrap_or_default();
        return label != Some(0) && parent.len() > 1 && rest.eq_ignore_ascii_case(parent);
    }
    !pattern.is_empty() && pattern.eq_ignore_ascii_case(name)
}

/// Whether an iPAddress (four or sixteen octets) is this address.
fn is_address(address: IpAddr, octets: &[u8]) -> bool {
    match address {
        IpAddr::V4(a) => a.octets() == octets,
        IpAddr::V6(a) => a.octets() == octets,
    }
}

/// Bits of the first INTEGER of a SEQUENCE: the modulus of an RSAPublicKey (RFC 3279 section 2.3.1).
fn first_integer(sequence: &[u8]) -> Option<usize> {
    let mut r = Reader::new(sequence);
    (r.u8("tag").ok()? == 0x30).then_some(())?;
    length(&mut r)?;
    integer(&mut r)
}

/// Bits of a DER INTEGER, rounded up to whole octets.
fn integer(r: &mut Reader<'_>) -> Option<usize> {
    (r.u8("tag").ok()? == 0x02).then_some(())?;
    let len = length(r)?;
    let octets = r.take(len, "integer").ok()?;
    let zeros = octets.iter().take_while(|o| **o == 0).count();
    Some(octets.len().saturating_sub(zeros).saturating_mul(8))
}

/// A DER length of at most two octets after the first.
fn length(r: &mut Reader<'_>) -> Option<usize> {
    match r.u8("length").ok()? {
        short @ 0..=0x7F => Some(short.into()),
        0x81 => r.u8("length").ok().map(usize::from),
        0x82 => r.u16("length").ok().map(usize::from),
        _ => None,
    }
}

// Algorithms, as the octets of their object identifiers.
/// 1.2.840.113549.1.1.1
const OID_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
/// 1.2.840.113549.1.1.10
const OID_RSA_PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A];
/// 1.2.840.10040.4.1
const OID_DSA: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x38, 0x04, 0x01];
/// 1.2.840.10045.2.1
const OID_EC: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
/// 1.2.840.113549.1.1.2
const OID_MD2_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x02];
/// 1.2.840.113549.1.1.3
const OID_MD4_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x03];
/// 1.2.840.113549.1.1.4
const OID_MD5_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x04];
/// 1.3.14.3.2.3
const OID_MD5_RSA_OIW: &[u8] = &[0x2B, 0x0E, 0x03, 0x02, 0x03];
/// 1.2.840.113549.1.1.5
const OID_SHA1_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x05];
/// 1.3.14.3.2.29
const OID_SHA1_RSA_OIW: &[u8] = &[0x2B, 0x0E, 0x03, 0x02, 0x1D];
/// 1.2.840.10040.4.3
const OID_SHA1_DSA: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x38, 0x04, 0x03];
/// 1.3.14.3.2.27
const OID_SHA1_DSA_OIW: &[u8] = &[0x2B, 0x0E, 0x03, 0x02, 0x1B];
/// 1.2.840.10045.4.1
const OID_SHA1_EC: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01];

#[cfg(test)]
pub(crate) mod samples {
    //! Certificates made for these tests, as hexadecimal digits.

    /// EC P-256, SHA-256, issued by another: `CN=ZZCANARY Portal`, names `*.clinic.example`, `portal.example` and
    /// 192.168.20.17, until 2028-10-21T22:36:26Z.
    pub(crate) const LEAF: &str = "\
        3082019230820138a003020102020105300a06082a8648ce3d04030230143112301006035504030c09436c696e6963204341301e\
        170d3236313132313232333632365a170d3238313032313232333632365a301a3118301606035504030c0f5a5a43414e41525920\
        506f7274616c3059301306072a8648ce3d020106082a8648ce3d03010703420004582631cf75db2d44499c4350bb4c08d85707c6\
        8961055ff106b552f74f57192bfd83f8686c8f1048fc9ff3498ac252e2fbf802ab8103d42d27d72934eb395b70a3753073303106\
        03551d11042a302882102a2e636c696e69632e6578616d706c65820e706f7274616c2e6578616d706c658704c0a81411301d0603\
        551d0e04160414a0dffd569d7b355a567c84d67d5cbb0c6e28b03a301f0603551d2304183016801474687ab08f745f27f9770566\
        77e8347d2f5f2939300a06082a8648ce3d0403020348003045022100beea69289c1cfecd79188212fd776ea19d769061f9c4ac2b\
        ca7c5e77d3db8f940220009a73f255bb173572832665acf43a55f95d49cad4ed6a1c8acacb2bfe0b2fd2\
        ";

    /// RSA 1024, SHA-1, self-signed: `CN=nas.zzcanary.example`, no alternative names, until 2036-11-18T22:36:26Z.
    pub(crate) const WEAK: &str = "\
        3082021a30820183a00302010202140df4462221400792c382bb2c617bc82872bc6ad4300d06092a864886f70d0101050500301f\
        311d301b06035504030c146e61732e7a7a63616e6172792e6578616d706c65301e170d3236313132313232333632365a170d3336\
        313131383232333632365a301f311d301b06035504030c146e61732e7a7a63616e6172792e6578616d706c6530819f300d06092a\
        864886f70d010101050003818d0030818902818100a786d6ffc23ecea244fd91d44349ce72cea1ce9e540313e7d53a22b46bf38a\
        5900c4eaa5b1196bbaf5a08ad0e051bdfec45bc09d1048eed9e9d4d19213098d6ca9b38801b8845f8ff733f412afbd328bc02e3d\
        407c933761e3319366bc7420c754a93064b929b4ee894d90f5f0e55e327b842ad59efb20f2ccebbf3577b859cd0203010001a353\
        3051301d0603551d0e041604141508349867e82346f84bad54d2952fb0523f73cd301f0603551d230418301680141508349867e8\
        2346f84bad54d2952fb0523f73cd300f0603551d130101ff040530030101ff300d06092a864886f70d010105050003818100a5df\
        fee08fd237a848327c93d34dee0882afd2000f658d8f4089dd4a77573bfc6263e99bd03f6fffdf8610cfeda37a46c908d37001b4\
        c165ccc84f927765b0c5d7cefeec67cc8576054497e89acd2b9597371ece11a00e0df759d7bbfb91f3d510883f0ee7aded94fb92\
        64fbd106113c52b3ee460b84f3381907961f28fd9500\
        ";

    /// DSA 1024, SHA-1.
    pub(crate) const DSA: &str = "\
        308202b730820266a003020102020101300906072a8648ce380403300c310a300806035504030c0178301e170d32363131323132\
        32333830355a170d3236313232313232333830355a300c310a300806035504030c0178308201be3082013306072a8648ce380401\
        308201260281810081fb1658b4f2b772e5cd655334d495929206dfc00fcc2cd709a4c79933ef8b5569ff50ca464c0a15fc55325e\
        97580491aedab93a23f5e7a03fe35b2f7322c652f1d56e6e679c21f98aaaebd71ed638e570695a3f8244a25d0220b1998b02679e\
        0bdf5d4a384e7c98c7c22977607a477e3be639baf3a1c656ba98e89c691e11f9021d00bdd4853c23e0de09e4ce92f24a87184b22\
        662f5224044cc4494cea0702818071d21f937b9eafd0d4f5dfc102d0137f2f59e53f4d5580e77f05342236a7f78b24276f7e2812\
        49665f9eea5f0b29da88c60f72e361ea64ebff7cb8724398ccf91034e02b4bb7cb1ad4571b2aa5c9f5e7fb9c34fc3195d31d3b07\
        eb28491d58306ca60b2750151f6ce33f3c19b518691c349d1e7aeb2de88e498916ead0982b0d038184000281802ac777d199a5f7\
        b28984a1a9b6c430469a7dc9442ffe3ba9840b6e8bf967b1beef5342e8313d7e07e2aee01547ca3974f683b4faa49e5021fcad16\
        fce82f0c20af49a17b34379d625edbb892080eab1aff8b238701b6edc1c3f0966e87307b6c24db2767ddf4b82905239aca50d232\
        adad5c511f42765f8c4d56a69123805aa6a3533051301d0603551d0e04160414b8e316443bd220cc3cb468befbca1e8dc88aeb5e\
        301f0603551d23041830168014b8e316443bd220cc3cb468befbca1e8dc88aeb5e300f0603551d130101ff040530030101ff3009\
        06072a8648ce380403034000303d021c7e36ec4bf77808c6489297428442454d256ed43adb85240d4c7edc97021d008d6b51f03b\
        9f4a14e72dd1b23942fe01bef9ac271bb23f81c2b0bc75\
        ";

    /// EC P-192, SHA-256.
    pub(crate) const CURVE: &str = "\
        308201393081f0a003020102020101300a06082a8648ce3d040302300c310a300806035504030c0178301e170d32363131323132\
        32333830355a170d3236313232313232333830355a300c310a300806035504030c01783049301306072a8648ce3d020106082a86\
        48ce3d03010103320004296712a0d968cd13f19a4b597cf5054e08abdd1528f297188235ddbb85bfaff91a122e96b9dd6aad9f23\
        3650ddee740ba3533051301d0603551d0e0416041419c19ad3cb2eded9702041d3d0e7b2eb93d26ead301f0603551d2304183016\
        801419c19ad3cb2eded9702041d3d0e7b2eb93d26ead300f0603551d130101ff040530030101ff300a06082a8648ce3d04030203\
        3800303502187d0a9ca66edee3b91a7ca4e66e054ca0092052a93b3ccd3d021900a7e61c4902d674c5b89d8ad03bade2b637c9ee\
        076095dd20\
        ";

    /// The octets of a sample.
    pub(crate) fn octets(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{CURVE, DSA, LEAF, WEAK, octets};
    use super::*;

    #[test]
    fn a_modern_certificate_is_neither_weak_nor_self_issued() {
        let der = octets(LEAF);
        let c = Certificate::parse(&der).unwrap();
        assert_eq!(c.key(), Key::Curve { bits: 256 });
        assert_eq!(c.signature(), Signature::Other);
        assert!(!c.is_self_issued());
        assert_eq!(c.begins(), 1_795_300_586); // 2026-11-21T22:36:26Z
        assert_eq!(c.ends(), 1_855_780_586); // 2028-10-21T22:36:26Z
    }

    #[test]
    fn old_keys_and_signatures_are_measured() {
        for (sample, key, signature) in [
            (WEAK, Key::Rsa { bits: 1024 }, Signature::Sha1),
            (DSA, Key::Dsa { bits: 1024 }, Signature::Sha1),
            (CURVE, Key::Curve { bits: 192 }, Signature::Other),
        ] {
            let der = octets(sample);
            let c = Certificate::parse(&der).unwrap();
            assert_eq!((c.key(), c.signature(), c.is_self_issued()), (key, signature, true));
        }
    }

    #[test]
    fn names_and_addresses_are_compared_by_rfc_6125() {
        let der = octets(LEAF);
        let c = Certificate::parse(&der).unwrap();
        for fits in ["portal.example", "PORTAL.Example.", "a.clinic.example", "192.168.20.17"] {
            assert_eq!(c.covers(fits.as_bytes()), Some(true), "{fits}");
        }
        for strange in
            ["clinic.example", "a.b.clinic.example", ".clinic.example", "portal.example.org", "192.168.20.1", "", "*"]
        {
            assert_eq!(c.covers(strange.as_bytes()), Some(false), "{strange}");
        }
        // The common name does not count where alternative names are given.
        assert_eq!(c.covers(b"ZZCANARY Portal"), Some(false));
    }

    #[test]
    fn the_common_name_counts_where_no_other_names_are_given() {
        let der = octets(WEAK);
        let c = Certificate::parse(&der).unwrap();
        assert_eq!(c.covers(b"NAS.zzcanary.example"), Some(true));
        assert_eq!(c.covers(b"portal.example"), Some(false));
    }

    #[test]
    fn a_cut_certificate_is_malformed_wherever_it_is_cut() {
        let der = octets(LEAF);
        for end in 0..der.len() {
            assert!(Certificate::parse(&der[..end]).is_err());
        }
    }

    #[test]
    fn no_mutation_of_a_certificate_panics() {
        let mut seed = 0x9E37_79B9_7F4A_7C15u64;
        for sample in [LEAF, WEAK, DSA, CURVE] {
            let der = octets(sample);
            for _ in 0..4000 {
                let mut copy = der.clone();
                for _ in 0..3 {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    let place = (seed >> 8) as usize % copy.len();
                    copy[place] = seed as u8;
                }
                if let Ok(c) = Certificate::parse(&copy) {
                    let _ = (c.begins(), c.ends(), c.key(), c.signature(), c.is_self_issued());
                    let _ = c.covers(b"portal.example");
                }
            }
        }
    }
}
