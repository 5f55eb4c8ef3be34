//! What computers of the clinic send, and through what: letters to patients, volumes to partners, calls to all, ways through the
//! router. The octets of the catalogue's stories about them, each with what may be told otherwise as an argument.

use crate::frames::Recording;
use crate::octets::Says::{C, S};
use crate::octets::speak;
use crate::talks::{DEVICE, STRANGER};

/// An account's link, and a code.
pub const LINK: &str = "Open https://portal.example/activate?token=8f3a9c71be2d4f60a1 to begin.";
pub const CODE: &str = "Your activation code: 483921";

/// Letters that a portal sends to one mailbox or several, one conversation each: mailbox and text.
pub fn letters(all: &[(&str, &str)]) -> Vec<u8> {
    let mut recording = Recording::new();
    for (port, (mailbox, text)) in (49_500..).zip(all) {
        let to = format!("RCPT TO:<{mailbox}>\r\n");
        let letter = format!("Subject: your account\r\n\r\n{text}\r\n.\r\n");
        let says = [
            S(b"220 mx.example ESMTP\r\n"),
            C(b"EHLO portal.clinic.example\r\n"),
            S(b"250-mx.example\r\n250 STARTTLS\r\n"),
            C(b"MAIL FROM:<portal@clinic.example>\r\n"),
            S(b"250 ok\r\n"),
            C(to.as_bytes()),
            S(b"250 ok\r\n"),
            C(b"DATA\r\n"),
            S(b"354 go on\r\n"),
            C(letter.as_bytes()),
            S(b"250 queued\r\n"),
            C(b"QUIT\r\n"),
        ];
        speak(&mut recording, (DEVICE, port), (STRANGER, 25), &says);
    }
    recording.octets().to_vec()
}
