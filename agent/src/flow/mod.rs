//! Which octets belong together: conversations of two [`head::Head`]s, in a bounded table.

pub mod head;
pub mod records;
