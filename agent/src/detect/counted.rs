//! What is only counted: networks of strangers, and things that are told apart and never told.
//!
//! Keeps: leading bits, a hash. Drops: the address, the thing.

use core::net::IpAddr;

/// The first 24 bits of an IPv4 address, the first 48 of an IPv6 address.
pub(super) fn network_prefix(address: IpAddr) -> ([u8; 6], usize) {
    match address.to_canonical() {
        IpAddr::V4(a) => {
            let [a, b, c, _] = a.octets();
            ([a, b, c, 0, 0, 0], 3)
        }
        IpAddr::V6(a) => {
            let [a, b, c, d, e, f, ..] = a.octets();
            ([a, b, c, d, e, f], 6)
        }
    }
}

/// SipHash of `thing` under a key that stays on the sensor: for counting, never for telling.
pub(super) fn keyed_hash(key: u64, thing: &[u8]) -> u64 {
    use core::hash::Hasher;
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    hasher.write_u64(key);
    hasher.write(thing);
    hasher.finish()
}
