//! Which octets belong together: conversations of two [`head::Head`]s, in a bounded [`table::FlowTable`].

pub mod head;
pub mod records;
pub mod table;
