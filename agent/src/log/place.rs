//! Where lines go: standard error (a terminal, a file, the journal behind it), or the datagram socket of the local syslog.
//!
//! Keeps: one socket that is open before the daemon gives up its rights; it finds a syslog that was started again. Drops: a
//! line that nobody takes at once.

use super::Form;
use crate::config::LogTo;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use tracing_subscriber::fmt::MakeWriter;

/// Where lines go.
pub(super) enum Place {
    Error(Form),
    Syslog(UnixDatagram),
}

impl Place {
    pub(super) fn open(to: LogTo) -> Result<Place, String> {
        match to {
            LogTo::Stderr if is_journal() => Ok(Place::Error(Form::Journal)),
            LogTo::Stderr => Ok(Place::Error(Form::Person)),
            LogTo::Syslog => syslog(DEV_LOG).map(Place::Syslog).map_err(|e| {
                format!("nobody takes a line at {DEV_LOG} ({e}); start a syslog daemon, or set log.to = \"stderr\"")
            }),
        }
    }

    pub(super) const fn form(&self) -> Form {
        match self {
            Place::Error(form) => *form,
            Place::Syslog(_) => Form::Syslog,
        }
    }
}

/// Whether standard error leads to the journal: systemd names it by device and inode.
fn is_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(own) = io::stderr().as_fd().try_clone_to_owned() else { return false };
    File::from(own).metadata().is_ok_and(|own| named == format!("{}:{}", own.dev(), own.ino()))
}

/// A socket for lines, if somebody is at `path`.
fn syslog(path: &str) -> io::Result<UnixDatagram> {
    UnixDatagram::unbound()?.connect(path)?;
    // Each line finds its own way, so that a syslog may come and go.
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl<'a> MakeWriter<'a> for Place {
    type Writer = Out<'a>;

    fn make_writer(&'a self) -> Out<'a> {
        Out(self)
    }
}

/// Takes one line at a time.
pub(super) struct Out<'a>(&'a Place);

impl Write for Out<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.0 {
            Place::Error(_) => io::stderr().lock().write(line),
            Place::Syslog(socket) => {
                // Nobody there, or no room: the line is not said.
                let _ = socket.send_to(line.strip_suffix(b"\n").unwrap_or(line), DEV_LOG);
                Ok(line.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const DEV_LOG: &str = "/dev/log";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_listens_the_log_says_so_before_it_begins() {
        let folder = std::env::temp_dir().join(format!("auscult-syslog-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log");
        assert!(syslog(path.to_str().unwrap()).is_err());
        let _there = UnixDatagram::bind(&path).unwrap();
        assert!(syslog(path.to_str().unwrap()).is_ok());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
