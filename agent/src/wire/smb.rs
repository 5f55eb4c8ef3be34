//! What is common to the messages of SMB1 and SMB2, without their four octets of length (MS-CIFS 2.2.3.1, MS-SMB2 2.2).
//!
//! Keeps: the form of a message, how much of it is worth waiting for, the kind of a share. Drops: everything else; see
//! [`super::smb1`] and [`super::smb2`].

use super::reader::Reader;
use super::{WireError, smb1, smb2};

/// The four octets with which a message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `FF 'SMB'`: SMB1.
    One,
    /// `FE 'SMB'`: SMB2 and 3.
    Two,
    /// `FD 'SMB'`: an encrypted message (MS-SMB2 2.2.41).
    Encrypted,
    /// `FC 'SMB'`: a compressed message (MS-SMB2 2.2.42).
    Compressed,
}

impl Form {
    /// Of the first four octets.
    ///
    /// # Errors
    /// `Truncated` or `Malformed` if it is no SMB message.
    pub fn read(message: &[u8]) -> Result<Form, WireError> {
        match Reader::new(message).array::<4>("signature")? {
            [0xff, b'S', b'M', b'B'] => Ok(Form::One),
            [0xfe, b'S', b'M', b'B'] => Ok(Form::Two),
            [0xfd, b'S', b'M', b'B'] => Ok(Form::Encrypted),
            [0xfc, b'S', b'M', b'B'] => Ok(Form::Compressed),
            _ => Err(WireError::Malformed("signature")),
        }
    }

    /// The fewest octets that a message of this form has: its header.
    #[must_use]
    pub const fn least(self) -> usize {
        match self {
            Form::One => 35,
            Form::Two => 64,
            Form::Encrypted => 52,
            Form::Compressed => 16,
        }
    }

    /// The most octets that a message of this form has: 17 bits of length in SMB1 (MS-SMB 2.1), 24 in SMB2.
    #[must_use]
    pub const fn most(self) -> usize {
        match self {
            Form::One => 0x01_ffff,
            Form::Two | Form::Encrypted | Form::Compressed => 0xff_ffff,
        }
    }

    /// Whether fewer than four octets may be the beginning of a message.
    #[must_use]
    pub fn may_begin(octets: &[u8]) -> bool {
        match octets {
            [] => true,
            [form, rest @ ..] => *form >= 0xfc && b"SMB".starts_with(rest) && rest.len() < 3,
        }
    }

    /// How many octets of a message must be there before it is worth reading: all headers, and the whole of messages
    /// that begin sessions, up to [`MAX_BODY`].
    #[must_use]
    pub fn wanted(self, message: &[u8]) -> usize {
        let whole = match self {
            Form::One => {
                message.get(4).is_some_and(|c| matches!(*c, smb1::NEGOTIATE | smb1::SESSION_SETUP | smb1::TREE))
            }
            Form::Two => smb2::Header::read(message).is_ok_and(|h| {
                h.next > 0 || matches!(h.command, smb2::NEGOTIATE | smb2::SESSION_SETUP | smb2::TREE_CONNECT)
            }),
            Form::Encrypted | Form::Compressed => false,
        };
        if whole { MAX_BODY } else { MAX_HEADERS }
    }
}

/// Where a message with its four octets of length begins inside `octets`: for a conversation that was joined in its
/// middle, or lost octets. Linear in `octets`.
#[must_use]
pub fn find(octets: &[u8]) -> Option<usize> {
    octets.windows(8).position(|w| {
        let Some((header, signature)) = w.split_first_chunk::<4>() else { return false };
        let [kind, length @ ..] = header;
        *kind == 0 && *length != [0; 3] && Form::read(signature).is_ok()
    })
}

/// The kind of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Files.
    Files,
    /// Named pipes: IPC$, which every server has.
    Pipe,
    /// A printer, or unknown.
    Other,
}

/// Octets that are awaited of a message that begins a session: Windows' longest list of contexts, an NTLM exchange and
/// the words of SMB1 fit; of a Kerberos ticket (up to 64 KiB) the rest is skipped.
pub const MAX_BODY: usize = 4096;

/// Octets that are awaited of every other message: header and parameters of a READ.
pub const MAX_HEADERS: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_behind_other_octets() {
        assert_eq!(find(b"rest of a file\0\0\0\x40\xfeSMB\x40"), Some(14));
        assert_eq!(find(b"rest of a file\0\0\0\0\xfeSMB\x40"), None);
        assert_eq!(find(b"\0\0\0"), None);
    }

    #[test]
    fn only_messages_that_begin_sessions_are_awaited_whole() {
        assert_eq!(Form::One.wanted(b"\xffSMB\x73"), MAX_BODY);
        assert_eq!(Form::One.wanted(b"\xffSMB\x2e"), MAX_HEADERS);
        assert_eq!(Form::Two.wanted(b"\xfeSMB\x40"), MAX_HEADERS);
        assert_eq!(Form::read(b"SMB"), Err(WireError::Truncated("signature")));
        assert_eq!(Form::read(b"GET "), Err(WireError::Malformed("signature")));
    }
}
