//! Where an address belongs, seen from the clinic (the zones of `assess/knowledge`).
//! Keeps: one word of a closed list. Drops: the address.

words! {
    /// A part of the network, as the clinic's owner would draw it.
    Zone {
        /// In a prefix of the clinic; nothing more is known of that part.
        SameSegment = "same-segment",
        /// Configured as clinical.
        Clinical = "clinical",
        /// Configured as office.
        Office = "office",
        /// Configured as guest.
        Guest = "guest",
        /// Configured as reachable on purpose.
        Dmz = "dmz",
        /// Comes through a configured VPN pool.
        Vpn = "vpn",
        /// A private address that is in no prefix of the clinic: another site.
        OtherPrivate = "other-private",
        /// Everybody else: the internet.
        Outside = "outside",
    }
}
