//! Associations of DICOM (PS3.8 9.3) and commands in them (PS3.7 9.3), with titles, contexts and an identity on wish, and never a
//! data set: the stories of the catalogue that are about images.

use crate::frames::Recording;
use crate::octets::{Place, Says, speak};

/// What a caller asks for, and what it is given.
#[derive(Clone, Copy)]
pub struct Association<'a> {
    /// Its own title.
    pub calling: &'a str,
    /// Whom it calls.
    pub called: &'a str,
    /// The service that it proposes: the uid of its class.
    pub class: &'a str,
    /// The answer to it: 0 accepted, 3 not supported.
    pub result: u8,
    /// The kind of identity that it shows (PS3.7 D.3.3.7), 0 for none.
    pub identity: u8,
    /// Commands of the server in it: field, status, completed sub-operations.
    pub answers: &'a [(u16, u16, u16)],
    /// The name of the server's implementation (PS3.7 D.3.3.2), empty for none.
    pub maker: &'a str,
}

/// Verification.
pub const ECHO: &str = "1.2.840.10008.1.1";
/// Query of studies.
pub const FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
/// Storage of CT images.
pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

/// A plain echo.
pub const PLAIN: Association<'_> =
    Association { calling: "CT1", called: "ARCHIVE", class: ECHO, result: 0, identity: 0, answers: &[], maker: "" };

/// Lets somebody associate, and get the answers.
pub fn associate(recording: &mut Recording, client: Place, server: Place, what: &Association<'_>) {
    associate_until(recording, client, server, what, &[6, 0, 0, 0, 0, 4, 0, 0, 0, 0]); // released
}

/// Lets somebody associate and ask for patients, whereupon the server ends it (PS3.8 9.3.8).
pub fn associate_in_vain(recording: &mut Recording, client: Place, server: Place, what: &Association<'_>) {
    associate_until(recording, client, server, what, &[7, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
}

fn associate_until(recording: &mut Recording, client: Place, server: Place, what: &Association<'_>, last: &[u8]) {
    let proposed = [vec![1, 0, 0xff, 0], item(0x30, what.class.as_bytes()), item(0x40, SYNTAX)].concat();
    let agreed = [vec![1, 0, what.result, 0], item(0x40, SYNTAX)].concat();
    let asks = pdu(1, what, &item(0x20, &proposed), what.identity);
    let answers = pdu(2, what, &item(0x21, &agreed), 0);
    let orders: Vec<(Vec<u8>, Vec<u8>)> = what
        .answers
        .iter()
        .map(|(field, status, completed)| {
            (command(what.class, field & 0x7fff, None), command(what.class, *field, Some((*status, *completed))))
        })
        .collect();
    let mut says = vec![Says::C(&asks), Says::S(&answers)];
    for (order, answer) in &orders {
        says.extend([Says::C(order), Says::S(answer)]);
    }
    let query = command(what.class, 0x0020, None);
    let asks_last = if last.first() == Some(&7) { &query[..] } else { &[5, 0, 0, 0, 0, 4, 0, 0, 0, 0] }; // C-FIND; release
    says.extend([Says::C(asks_last), Says::S(last)]);
    speak(recording, client, server, &says);
}

/// Lets somebody ask for an association, whereupon the server knows no such title (PS3.8 9.3.4).
pub fn refuse(recording: &mut Recording, client: Place, server: Place, what: &Association<'_>) {
    let proposed = [vec![1, 0, 0xff, 0], item(0x30, what.class.as_bytes()), item(0x40, SYNTAX)].concat();
    let asks = pdu(1, what, &item(0x20, &proposed), what.identity);
    let no = whole(3, &[0, 1, 1, 7]); // for good; by the service's user; called title not recognised
    speak(recording, client, server, &[Says::C(&asks), Says::S(&no)]);
}

/// One association as a capture.
#[must_use]
pub fn associated(client: Place, server: Place, what: &Association<'_>) -> Vec<u8> {
    let mut recording = Recording::new();
    associate(&mut recording, client, server, what);
    recording.octets().to_vec()
}

fn pdu(kind: u8, what: &Association<'_>, context: &[u8], identity: u8) -> Vec<u8> {
    let mut o = vec![0, 1, 0, 0]; // version 1, reserved
    o.extend(format!("{:16}{:16}", what.called, what.calling).as_bytes());
    o.extend([0; 32]); // reserved
    o.extend(item(0x10, b"1.2.840.10008.3.1.1.1")); // application context
    o.extend(context);
    let mut user = [item(0x51, &16_384u32.to_be_bytes()), item(0x52, b"1.2.3.4")].concat(); // length, implementation
    if kind == 2 && !what.maker.is_empty() {
        user.extend(item(0x55, what.maker.as_bytes()));
    }
    if identity > 0 {
        let fields = [&[identity, 0, 0, 4][..], b"name", &[0, 4], b"word"].concat(); // no answer asked for
        user.extend(item(0x58, &fields));
    }
    o.extend(item(0x50, &user));
    whole(kind, &o)
}

/// A command in a P-DATA-TF, whole, without a data set.
fn command(class: &str, field: u16, status: Option<(u16, u16)>) -> Vec<u8> {
    let mut o = [element(0x0002, class.as_bytes()), element(0x0100, &field.to_le_bytes())].concat();
    o.extend(element(0x0800, &0x0101u16.to_le_bytes())); // no data set
    if let Some((status, completed)) = status {
        o.extend(element(0x0900, &status.to_le_bytes()));
        o.extend(element(0x1021, &completed.to_le_bytes()));
    }
    let set = [element(0, &u32::try_from(o.len()).unwrap().to_le_bytes()), o].concat(); // its length first
    let value = [&u32::try_from(set.len() + 2).unwrap().to_be_bytes()[..], &[1, 3], &set].concat(); // context; command, last
    whole(4, &value)
}

fn element(number: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&[0, 0][..], &number.to_le_bytes(), &length, body].concat() // group 0
}

fn item(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0][..], &u16::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

fn whole(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0][..], &u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

/// Implicit, little endian.
const SYNTAX: &[u8] = b"1.2.840.10008.1.2";
