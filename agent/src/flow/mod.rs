//! Which octets belong together: conversations of two [`head::Head`]s, in a bounded [`table::FlowTable`]; parts of one packet,
//! in bounded [`fragments::Fragments`].

mod chain;
pub mod fragments;
pub mod head;
pub mod key;
pub mod records;
pub mod table;
