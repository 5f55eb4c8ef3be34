//! The answer of SQL Server's browser, by which programs find the instances of a host (MC-SQLR 2.2.5 SVR_RESP).
//!
//! Keeps: the first two numbers of each instance's version, at most [`MAX_INSTANCES`]. Drops: names of servers and instances, pipes, ports.

use super::WireError;
use super::reader::Reader;
use super::text;

/// The answer to a question for one instance or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Octet 3 on: RESP_DATA, one instance after another.
    instances: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The answer in a datagram. Its first instance must be whole as far as its version.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is none.
    pub fn read(payload: &'a [u8]) -> Result<Answer<'a>, WireError> {
        let mut r = Reader::new(payload);
        // Octet 0: SVR_RESP.
        if r.u8("kind")? != SVR_RESP {
            return Err(WireError::Malformed("kind"));
        }
        // Octets 1-2: what follows.
        let length = usize::from(r.u16_le("length")?);
        let instances = r.take(length, "instances")?;
        if !r.is_empty() {
            return Err(WireError::Malformed("length"));
        }
        version(&mut Reader::new(instances))?;
        Ok(Answer { instances })
    }

    /// The first two numbers of each instance's version.
    pub fn versions(&self) -> impl Iterator<Item = [u32; 2]> {
        let mut r = Reader::new(self.instances);
        core::iter::from_fn(move || version(&mut r).ok()).take(MAX_INSTANCES)
    }
}

/// The version of the next instance: names with their values, each ended by a semicolon, another one at the end.
fn version(r: &mut Reader<'_>) -> Result<[u32; 2], WireError> {
    let mut last: &[u8] = &[];
    for (name, longest) in FIELDS {
        if field(r, MAX_VALUE)? != *name {
            return Err(WireError::Malformed("name of a field"));
        }
        last = field(r, *longest)?;
        if *name == b"IsClustered" && !matches!(last, b"Yes" | b"No") {
            return Err(WireError::Malformed("IsClustered"));
        }
    }
    let mut numbers = last.split(|o| *o == b'.').map(|digits| text::number(digits).and_then(|n| u32::try_from(n).ok()));
    let (Some(Some(major)), Some(Some(minor)), true) = (numbers.next(), numbers.next(), numbers.all(|n| n.is_some()))
    else {
        return Err(WireError::Malformed("Version"));
    };
    // How it is reached follows, as far as the second of two semicolons. Each round takes an octet or more.
    while let Ok(value) = field(r, MAX_TRANSPORT) {
        if value.is_empty() {
            break;
        }
    }
    Ok([major, minor])
}

/// What stands before the next semicolon.
fn field<'a>(r: &mut Reader<'a>, longest: usize) -> Result<&'a [u8], WireError> {
    let end = r.rest().iter().take(longest.saturating_add(1)).position(|o| *o == b';');
    let value = r.take(end.ok_or(WireError::Malformed("semicolon"))?, "value")?;
    r.u8("semicolon")?;
    Ok(value)
}

/// What every instance says first, in this order, and how long its value may be.
const FIELDS: &[(&[u8], usize)] =
    &[(b"ServerName", MAX_VALUE), (b"InstanceName", MAX_VALUE), (b"IsClustered", 3), (b"Version", 16)];

const SVR_RESP: u8 = 5;
/// Octets of a name.
const MAX_VALUE: usize = 255;
/// Octets of one of the values that say how an instance is reached.
const MAX_TRANSPORT: usize = 1024;
/// Instances whose version is asked for: SQL Server allows 50 on a host.
pub const MAX_INSTANCES: usize = 50;

#[cfg(test)]
pub(crate) mod testing {
    //! Answers made by hand.

    /// An instance as it is told.
    pub(crate) fn instance(version: &str) -> String {
        format!(
            "ServerName;ZZCANARY;InstanceName;ZZPATIENTS;IsClustered;No;Version;{version};np;\\\\ZZCANARY\\pipe\\sql\\query;tcp;1433;;"
        )
    }

    /// An answer of these instances.
    pub(crate) fn answer(instances: &str) -> Vec<u8> {
        let length = u16::try_from(instances.len()).unwrap().to_le_bytes();
        [&[5], &length[..], instances.as_bytes()].concat() // SVR_RESP, length, instances
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{answer, instance};
    use super::*;

    #[test]
    fn the_version_of_each_instance_is_kept_and_no_name() {
        let octets = answer(&(instance("15.0.2000.5") + &instance("10.50.1600.1")));
        let heard = Answer::read(&octets).unwrap();
        assert_eq!(heard.versions().collect::<Vec<_>>(), [[15, 0], [10, 50]]);
        let bare = answer("ServerName;A;InstanceName;B;IsClustered;Yes;Version;8.00.194;;");
        assert_eq!(Answer::read(&bare).unwrap().versions().collect::<Vec<_>>(), [[8, 0]]);
        let many = answer(&instance("16.0.1000.6").repeat(90));
        assert_eq!(Answer::read(&many).unwrap().versions().count(), MAX_INSTANCES);
    }

    #[test]
    fn what_is_none_names_its_field() {
        for (text, field) in [
            ("InstanceName;A;", "name of a field"),
            ("ServerName;A;InstanceName;B;IsClustered;Smith;", "semicolon"),
            ("ServerName;A;InstanceName;B;IsClustered;Not;Version;1;;", "IsClustered"),
            ("ServerName;A;InstanceName;B;IsClustered;No;Version;v1;;", "Version"),
            ("ServerName;A;InstanceName;B;IsClustered;No;Version;;", "Version"),
            ("ServerName;A;InstanceName;B;IsClustered;No;Version;15;;", "Version"),
            ("ServerName", "semicolon"),
        ] {
            assert_eq!(Answer::read(&answer(text)), Err(WireError::Malformed(field)), "{text}");
        }
        assert_eq!(Answer::read(&[4]), Err(WireError::Malformed("kind")));
        let mut longer = answer(&instance("15.0.2000.5"));
        longer.push(b';');
        assert_eq!(Answer::read(&longer), Err(WireError::Malformed("length")));
        assert_eq!(Answer::read(&longer[..30]), Err(WireError::Truncated("instances")));
    }
}
