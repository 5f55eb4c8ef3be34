//! File shares and announcements of Windows directly on the link, without IP (NetBEUI): only old systems speak so.
//!
//! Keeps: that an SMB1 session was answered, the number of a system that announces itself. Drops: names of hosts, users,
//! shares and files.

use super::link::{LinkDetector, OnLink};
use super::workgroup;
use crate::wire::netbeui::Frame;
use crate::wire::netbios::Announcement;
use crate::wire::smb1;
use auscult_report::fact::{Encryption, Fact, Protocol, SmbDialect};

/// SMB and announcements in NetBIOS frames.
pub const NETBEUI: LinkDetector = LinkDetector {
    name: "netbeui",
    version: 1,
    hears: "SMB1 answers inside sessions of NetBIOS frames (802.2, service access point 0xF0), and what hosts announce \
            there. Each frame is heard by itself: what was negotiated, and logins, are not followed. The protocol does \
            not pass a router, so only neighbours are concerned. A host that is heard on IP as well is the same host, \
            as far as its hardware address shows.",
    number: 0xf0,
    listen,
};

fn listen(message: &[u8], on_link: &mut OnLink<'_>) -> bool {
    match Frame::read(message) {
        Ok(Frame::Session(message)) => session(message, on_link),
        Ok(Frame::Datagram(user_data)) => {
            if let Ok(Some(announcement)) = Announcement::read(user_data) {
                workgroup::announced(&announcement, &mut on_link.from_server(None));
            }
        }
        Ok(Frame::Other) => {}
        Err(_) => return false,
    }
    true
}

/// An answer to somebody who is logged in, or the answer to a login that succeeded: before, nothing was agreed upon.
fn session(message: &[u8], on_link: &mut OnLink<'_>) {
    let Ok(header) = smb1::Header::read(message) else { return };
    let is_of_session = header.user != 0 || header.command == smb1::SESSION_SETUP;
    if !header.response || header.status != 0 || !is_of_session {
        return;
    }
    let mut said = on_link.from_server(None);
    said.protocol(Protocol::Smb);
    said.answered();
    said.service(Fact::Encryption(Encryption::None));
    said.service(Fact::SmbDialect(SmbDialect::Smb1));
}

#[cfg(test)]
mod tests {
    use super::super::link::testing::hear_link;
    use super::super::testing::facts;
    use super::*;
    use crate::wire::netbeui::testing::session;
    use auscult_report::subject::{HostId, Subject, Transport};

    /// An SMB1 header: command, status, flags, user.
    fn smb(command: u8, status: u8, flags: u8, user: u8) -> Vec<u8> {
        let mut o = b"\xffSMB".to_vec();
        o.push(command);
        o.extend([status, 0, 0, 0, flags, 0, 0]); // status; flags; flags2
        o.extend([0; 12]); // process, signature, reserved
        o.extend([1, 0, 9, 9, user, 0, 7, 0]); // tree, process, user, multiplex
        o.extend([0, 0, 0]); // no words, no octets
        o
    }

    #[test]
    fn an_answer_inside_a_session_is_smb1_of_the_host_that_sends_it() {
        let (heard, told) = hear_link(&NETBEUI, &session(&smb(0x73, 0, 0x80, 0)));
        let wanted = [
            Fact::Protocol(Protocol::Smb),
            Fact::Answered,
            Fact::Encryption(Encryption::None),
            Fact::SmbDialect(SmbDialect::Smb1),
        ];
        assert_eq!(facts(&heard), wanted);
        assert_eq!(heard[0].subject, Subject::Service(HostId(1), Transport::Link, 0xf0));
        assert_eq!(told, [None, None], "sender and receiver are known by their hardware addresses");
    }

    #[test]
    fn a_question_a_refusal_and_what_comes_before_a_login_are_not() {
        for message in [smb(0x73, 0, 0, 0), smb(0x73, 0x6d, 0x80, 0), smb(0x72, 0, 0x80, 0), smb(0x2b, 0, 0x80, 0)] {
            assert_eq!(hear_link(&NETBEUI, &session(&message)).0, []);
        }
    }
}
