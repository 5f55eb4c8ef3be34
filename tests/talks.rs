//! Conversations built octet by octet, where no capture of ours has them: what an open archive, a portal, an interface
//! engine or an access point says, without a name of anybody in it.

use crate::frames::{AIR, Call, Recording};

/// The archive, the portal and the interface engine of the clinic.
pub const SERVER: [u8; 4] = [192, 168, 20, 10];
/// A device of the clinic.
pub const DEVICE: [u8; 4] = [192, 168, 20, 41];
/// Somebody in the internet.
pub const STRANGER: [u8; 4] = [203, 0, 113, 50];
/// Somebody in the waiting room.
pub const GUEST: [u8; 4] = [192, 168, 30, 7];

/// One conversation: who calls whom, then what both say, in turns, the client first.
pub fn talk_in(recording: &mut Recording, client: ([u8; 4], u16), server: ([u8; 4], u16), turns: &[&[u8]]) {
    let mut call = recording.call(client, server);
    for (n, octets) in turns.iter().enumerate() {
        if n % 2 == 0 { recording.client(&mut call, octets) } else { recording.server(&mut call, octets) }
    }
    recording.end(&call);
}

/// Requests of a browser without any identity, and their answers (RFC 9112).
#[must_use]
pub fn browse(client: [u8; 4], server: [u8; 4], pages: &[(&str, &str)]) -> Vec<u8> {
    let mut recording = Recording::new();
    let mut call: Call = recording.call((client, 49_153), (server, 80));
    for (target, answer) in pages {
        let request = format!("GET {target} HTTP/1.1\r\nHost: 198.51.100.1\r\n\r\n");
        recording.client(&mut call, request.as_bytes());
        recording.server(&mut call, answer.as_bytes());
    }
    recording.end(&call);
    recording.octets().to_vec()
}

/// An answer with a body.
#[must_use]
pub fn ok(media: &str, more: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {media}\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// An answer that asks for a login.
#[must_use]
pub fn locked() -> String {
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n".to_owned()
}

/// A viewer's page and the studies that it asks for (PS3.18 10.6).
#[must_use]
pub fn viewer(studies: &str) -> Vec<u8> {
    let page = ok("text/html", "", "<html><title>OHIF Viewer</title><body>studies</body></html>");
    browse(STRANGER, SERVER, &[("/ohif/", &page), ("/dicom-web/studies", studies)])
}

/// Studies as DICOMweb gives them.
#[must_use]
pub fn studies() -> String {
    ok("application/dicom+json", "", "[{\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2.826.0.1.3680043.2.1\"]}}]")
}

/// An association for an echo, and its answer: nothing is asked, nothing is given (PS3.8 9.3).
#[must_use]
pub fn association(client: [u8; 4], server: [u8; 4], result: u8) -> Vec<u8> {
    let mut recording = Recording::new();
    association_in(&mut recording, client, server, result);
    recording.octets().to_vec()
}

/// The same, into a recording.
pub fn association_in(recording: &mut Recording, client: [u8; 4], server: [u8; 4], result: u8) {
    let mut proposed = vec![1, 0, 0xff, 0]; // context 1, reserved
    proposed.extend(item(0x30, b"1.2.840.10008.1.1")); // verification
    proposed.extend(item(0x40, b"1.2.840.10008.1.2")); // implicit, little endian
    let mut agreed = vec![1, 0, result, 0]; // context 1, reserved, result, reserved
    agreed.extend(item(0x40, b"1.2.840.10008.1.2"));
    let asks = associate(1, &item(0x20, &proposed));
    let answers = associate(2, &item(0x21, &agreed));
    let (release, released) = ([5, 0, 0, 0, 0, 4, 0, 0, 0, 0], [6, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    talk_in(recording, (client, 49_152), (server, 104), &[&asks, &answers, &release, &released]);
}

fn associate(kind: u8, context: &[u8]) -> Vec<u8> {
    let mut o = vec![0, 1, 0, 0]; // version 1, reserved
    o.extend(b"ANY-SCP         "); // called
    o.extend(b"ANY-SCU         "); // calling
    o.extend([0; 32]); // reserved
    o.extend(item(0x10, b"1.2.840.10008.3.1.1.1")); // application context
    o.extend(context);
    let user = [item(0x51, &16_384u32.to_be_bytes()), item(0x52, b"1.2.3.4")].concat(); // length, implementation
    o.extend(item(0x50, &user));
    let mut pdu = vec![kind, 0]; // kind, reserved
    pdu.extend(u32::try_from(o.len()).unwrap_or(0).to_be_bytes());
    pdu.extend(o);
    pdu
}

fn item(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut o = vec![kind, 0]; // kind, reserved
    o.extend(u16::try_from(body.len()).unwrap_or(0).to_be_bytes());
    o.extend(body);
    o
}

/// A result that goes over MLLP and is acknowledged (HL7 v2.5, Transport MLLP R1).
#[must_use]
pub fn result(client: [u8; 4], server: [u8; 4]) -> Vec<u8> {
    let mut recording = Recording::new();
    result_in(&mut recording, client, server, 49_154);
    recording.octets().to_vec()
}

/// The same, into a recording.
pub fn result_in(recording: &mut Recording, client: [u8; 4], server: [u8; 4], port: u16) {
    let asks = b"\x0bMSH|^~\\&|LAB|A|EHR|B|20261118||ORU^R01|1|P|2.5\rOBX|1|NM|X||1\r\x1c\r";
    let answers = b"\x0bMSH|^~\\&|EHR|B|LAB|A|20261118||ACK^R01|1|P|2.5\rMSA|AA|1\r\x1c\r";
    talk_in(recording, (client, port), (server, 2575), &[asks, answers]);
}

/// A device that speaks HL7 and looks for the revocation list of a certificate as the cryptography of Windows does.
#[must_use]
pub fn device_with(cryptography: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    result_in(&mut recording, DEVICE, SERVER, 49_155);
    let asks = format!(
        "GET /root.crl HTTP/1.1\r\nUser-Agent: Microsoft-CryptoAPI/{cryptography}\r\nHost: 198.51.100.9\r\n\r\n"
    );
    let answers = ok("application/pkix-crl", "", "0123");
    talk_in(&mut recording, (DEVICE, 49_156), ([198, 51, 100, 9], 80), &[asks.as_bytes(), answers.as_bytes()]);
    recording.octets().to_vec()
}

/// A host of the clinic asks the router's gateway for a port of its own, as UPnP has it (WANIPConnection:1 2.4.16), and the
/// first line of the answer.
#[must_use]
pub fn port_asked_for(answer: &str) -> Vec<u8> {
    let body = "<?xml version=\"1.0\"?><s:Envelope><s:Body><u:AddPortMapping><NewExternalPort>11112</NewExternalPort>\
        <NewProtocol>TCP</NewProtocol><NewInternalPort>104</NewInternalPort></u:AddPortMapping></s:Body></s:Envelope>";
    let asks = format!(
        "POST /ctl/IPConn HTTP/1.1\r\nHost: 192.168.20.1:5000\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\
        SOAPAction: \"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping\"\r\n\r\n{body}",
        body.len()
    );
    let answers = format!("HTTP/1.1 {answer}\r\nContent-Type: text/xml\r\nContent-Length: 0\r\n\r\n");
    let mut recording = Recording::new();
    talk_in(&mut recording, (DEVICE, 49_159), ([192, 168, 20, 1], 5000), &[asks.as_bytes(), answers.as_bytes()]);
    recording.octets().to_vec()
}

/// Greetings of SSH (RFC 4253 4.2): the client's and the server's.
#[must_use]
pub fn greeting(server_says: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    let mut call = recording.call((STRANGER, 49_157), (SERVER, 22));
    recording.server(&mut call, format!("SSH-2.0-{server_says}\r\n").as_bytes());
    recording.client(&mut call, b"SSH-2.0-OpenSSH_10.0\r\n");
    recording.end(&call);
    recording.octets().to_vec()
}

/// An access point of the clinic that announces itself a dozen times without a name (IEEE 802.11-2020 9.3.3.2).
#[must_use]
pub fn hidden_network(bssid: [u8; 6], protection: &[u8]) -> Vec<u8> {
    let mut recording = Recording::of(AIR);
    for n in 0..12u16 {
        let mut o = vec![0x80, 0, 0, 0]; // beacon; duration
        o.extend([0xff; 6]); // to all
        o.extend(bssid); // from
        o.extend(bssid); // network
        o.extend((n << 4).to_le_bytes()); // number
        o.extend([0; 8]); // clock of the access point
        o.extend([100, 0]); // every 100 time units
        o.extend(if protection.is_empty() { [0x01, 0] } else { [0x11, 0] }); // access point; privacy
        o.extend([0, 0]); // name: of no octets
        o.extend([1, 4, 0x82, 0x84, 0x8b, 0x96]); // rates
        o.extend([3, 1, 6]); // channel 6
        o.extend(protection);
        recording.frame(&o);
    }
    recording.octets().to_vec()
}

/// WPA2 with a passphrase (element 48): CCMP for all and for each, key by PSK.
pub const WPA2: &[u8] = &[48, 20, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 2, 0, 0];
