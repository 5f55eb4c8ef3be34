//! How a fact is counted: by the client's zone or not, things or times.
//!
//! Keeps: a list of kinds. Drops: nothing.

use super::Fact;

impl Fact {
    /// Whether it was heard towards a client, so that the client's zone belongs to it.
    #[must_use]
    pub const fn is_by_zone(&self) -> bool {
        use Fact::*;
        self.is_web_by_zone()
            || matches!(
                self,
                Answered
                    | OutsideNetwork
                    | Refused
                    | Encryption(_)
                    | Login(_)
                    | DataServed
                    | DicomAccepted
                    | DicomTitleRefused
                    | DicomContext(_)
                    | DicomIdentity(_)
                    | DicomCalling
                    | DicomCalled
                    | DicomMatch
                    | DicomHandedOver
                    | DicomStored
                    | DicomQueryRefused
                    | Hl7Acknowledged
                    | Hl7Kind(_)
                    | TlsVersion(_)
                    | TlsCipher(_)
                    | DatabasePasswordClear
                    | DatabaseEmptyPassword
                    | FileAnonymous
                    | FileLoginClear
                    | SnmpCommunity(_)
                    | MqttAnonymous
                    | MailStartTls(_)
                    | MailAuthClear
                    | MailReadable
                    | LdapClearBind
                    | LdapAnonymousData
                    | CameraOpen
                    | LabRecord(_)
                    | DnsRecursed
                    | DnsTransferred
            )
    }

    /// The same, of what the web tells.
    const fn is_web_by_zone(&self) -> bool {
        use Fact::*;
        matches!(
            self,
            WebKind(_)
                | WebOpenKind(_)
                | WebAuth(_)
                | WebOpenDocument
                | WebClosedDocument
                | WebLoginForm
                | WebLoginInClear
                | WebBasicInClear
                | WebDefaultPassword
                | WebDefaultPage(_)
                | WebDefaultPageHost(_)
                | WebRedirect
                | WebOtherAnswer
                | WebListing
                | WebVersionShown(_)
                | WebErrorDetail
                | WebCrawler(_)
                | WebCrawlerDocument
                | WebSessionInClear
                | WebTokenInClear
                | WebAdminOpen(_)
                | WebLeftover
                | WebEnumerated
        )
    }

    /// Whether its count is of different things, not of times.
    #[must_use]
    pub const fn counts_different(&self) -> bool {
        use Fact::*;
        matches!(
            self,
            OutsideNetwork
                | DicomCalling
                | DicomCalled
                | WebOpenDocument
                | WebClosedDocument
                | WebCrawlerDocument
                | WifiClient
                | NameAnswered
        )
    }
}
