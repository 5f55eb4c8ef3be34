//! Which octets belong together: conversations of two [`head::Head`]s, in a bounded [`table::FlowTable`].

mod chain;
pub mod head;
pub mod key;
pub mod records;
pub mod table;
