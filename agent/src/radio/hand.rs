//! The hand: what a sensor may tell the kernel of a radio. Two commands, made of numbers; its thread alone has a right
//! (CAP_NET_ADMIN), and no octet that was heard reaches it.
//!
//! Keeps: the number of nl80211. Drops: every answer.

use super::kernel::{Kernel, Refusal};
use crate::wire::nl80211::{ask_family, family, listen_once, tune};

/// What the kernel may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// An interface in monitor mode is to hear another channel. No frame is sent for it.
    Tune {
        /// The interface.
        index: u32,
        /// In MHz.
        frequency: u16,
    },
    /// The radio is to listen on all its channels once, without asking anybody.
    Listen {
        /// The interface.
        index: u32,
    },
}

/// The hand, and through which kernel it works.
pub struct Hand<K> {
    kernel: K,
    family: Option<u16>,
}

impl<K: Kernel> Hand<K> {
    /// A hand that has done nothing yet.
    pub const fn new(kernel: K) -> Hand<K> {
        Hand { kernel, family: None }
    }

    /// Does it.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn obey(&mut self, command: Command) -> Result<(), Refusal> {
        let number = self.number()?;
        let done = match command {
            Command::Tune { index, frequency } => {
                match self.kernel.ask(tune(number, index, frequency, false), &mut |_, _| ()) {
                    Err(Refusal::No(INVALID)) => self.kernel.ask(tune(number, index, frequency, true), &mut |_, _| ()),
                    done => done,
                }
            }
            Command::Listen { index } => self.kernel.ask(listen_once(number, index), &mut |_, _| ()),
        };
        // A driver that was loaded anew may have another number.
        if done.is_err() {
            self.family = None;
        }
        done
    }

    fn number(&mut self) -> Result<u16, Refusal> {
        if self.family.is_none() {
            let mut found = None;
            self.kernel.ask(ask_family(), &mut |_, inner| found = found.or(family(inner)))?;
            self.family = found;
        }
        self.family.ok_or(Refusal::Silent)
    }
}

/// EINVAL: the radio does not know a width.
const INVALID: u32 = 22;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::netlink::{Request, What, attributes, messages, u32_of};

    /// Family, command, attributes with their number.
    type Asked = (u16, u8, Vec<(u16, Option<u32>)>);

    /// A kernel that writes down what it is told; `refuses` are the answers to it, one after the other.
    #[derive(Default)]
    struct Told {
        said: Vec<Asked>,
        refuses: Vec<u32>,
    }

    impl Kernel for Told {
        fn ask(&mut self, request: Request, part: &mut dyn FnMut(u8, &[u8])) -> Result<(), Refusal> {
            let octets = request.finish(1);
            let message = messages(&octets).next().unwrap();
            let What::Part(command, inner) = message.what().unwrap() else { panic!() };
            if message.kind == 16 {
                let number = Request::new(16, 1, false).with(1, &28u16.to_ne_bytes()).finish(1);
                part(1, &number[20..]);
                return Ok(());
            }
            self.said.push((message.kind, command, attributes(inner).map(|(k, v)| (k, u32_of(v))).collect()));
            if self.refuses.is_empty() { Ok(()) } else { Err(Refusal::No(self.refuses.remove(0))) }
        }
    }

    #[test]
    fn a_radio_that_knows_no_width_is_asked_without() {
        let mut hand = Hand::new(Told { refuses: vec![22], ..Told::default() });
        assert_eq!(hand.obey(Command::Tune { index: 7, frequency: 2_437 }), Ok(()));
        let set = |width| (28, 2, vec![(3, Some(7)), (38, Some(2_437)), (159, Some(width)), (160, Some(2_437))]);
        assert_eq!(hand.kernel.said, [set(1), set(0)]);
    }

    #[test]
    fn a_busy_radio_is_left_alone() {
        let mut hand = Hand::new(Told { refuses: vec![16], ..Told::default() });
        assert_eq!(hand.obey(Command::Tune { index: 7, frequency: 2_437 }), Err(Refusal::No(16)));
        assert_eq!(hand.kernel.said.len(), 1);
        assert_eq!(hand.obey(Command::Listen { index: 7 }), Ok(()));
        assert_eq!(hand.kernel.said[1], (28, 33, vec![(3, Some(7))]));
    }
}
