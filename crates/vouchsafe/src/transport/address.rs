//! Which addresses belong to the public internet.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address belongs to the public internet: not to this machine, to a network around it, or to the internal
/// services of a cloud.
///
/// Use it in an [`HttpClient`](crate::http::HttpClient) of your own if strangers can choose the server. The built-in
/// transport uses it with [`HttpBuilder::public_addresses_only`](crate::http::HttpBuilder::public_addresses_only).
///
/// Check the address of the connection, never the name: a name can lead to another address between the check and the
/// connection. Return [`TransportError::address_refused`](crate::http::TransportError::address_refused) if it is not public.
///
/// The rules are those of IANA's registries of special-purpose addresses (RFC 6890). In IPv6, only the assigned part
/// (`2000::/3`) is public. An IPv4 address inside an IPv6 address, mapped or for NAT64, is public if the IPv4 address is.
///
/// ```
/// use vouchsafe::http::is_public_address;
///
/// assert!(is_public_address([8, 8, 8, 8].into()));
/// assert!(!is_public_address([169, 254, 169, 254].into()));
/// ```
#[must_use]
pub fn is_public_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => embedded(address).map_or_else(|| is_public_v6(address), is_public_v4),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_special = match address.octets() {
        // "This network" and the unspecified address (RFC 791).
        [0, ..] => true,
        // Behind a carrier's NAT (RFC 6598); the metadata of one cloud.
        [100, 64..=127, ..] => true,
        // The internal services of a cloud (Azure), at an address that looks public.
        [168, 63, 129, 16] => true,
        // Protocol assignments (RFC 6890); the metadata of one cloud.
        [192, 0, 0, _] => true,
        // Relays of 6to4, abandoned (RFC 7526).
        [192, 88, 99, _] => true,
        // Benchmarks (RFC 2544).
        [198, 18..=19, ..] => true,
        // Reserved, and the broadcast (RFC 1112, RFC 919).
        [240..=255, ..] => true,
        _ => false,
    };
    // Link-local addresses (RFC 3927) include the metadata of most clouds.
    let is_internal = address.is_private() || address.is_loopback() || address.is_link_local();
    !(is_special || is_internal || address.is_documentation() || address.is_multicast())
}

/// Public are only global unicast addresses (RFC 4291 section 2.4). Outside of them are the unspecified address, loopback,
/// unique-local, link-local and multicast addresses, IPv4-compatible addresses, a network's own NAT64, and unassigned ones.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Protocol assignments (RFC 2928): Teredo, benchmarks, ORCHID.
        [0x2001, 0..=0x1ff, ..] => false,
        // Documentation (RFC 3849, RFC 9637).
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // 6to4 (RFC 3056): it can contain any IPv4 address, and it is abandoned.
        [0x2002, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

/// The IPv4 address inside an IPv6 address: mapped (RFC 4291 section 2.5.5.2), or for the NAT64 of networks without IPv4
/// (RFC 6052 section 2.1).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.octets() {
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, v4 @ ..] => Some(v4.into()),
        _ => address.to_ipv4_mapped(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(address: &str) -> bool {
        is_public_address(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.216.34",
            "168.63.129.15",
            "168.63.129.17",
            "192.31.196.1",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2a00:1450:4001:810::200e",
            "2620:4f:8000::1",
            "3ffe::1",
            // As a resolver gives them on a network without IPv4, or to a program that asked for IPv6 alone.
            "64:ff9b::8.8.8.8",
            "::ffff:8.8.8.8",
        ] {
            assert!(verdict(address), "{address}");
        }
    }

    #[test]
    fn addresses_with_a_purpose_of_their_own_are_not() {
        for address in [
            // The clouds' metadata: most, Alibaba, Oracle, Azure, AWS over IPv6.
            "169.254.169.254",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "fd00:ec2::254",
            "::",
            "::1",
            // IPv4-compatible (RFC 4291 section 2.5.5.1), whatever is in it.
            "::8.8.8.8",
            "::127.0.0.1",
            // The NAT64 of a network's own (RFC 8215).
            "64:ff9b:1::8.8.8.8",
            "64:ff9b:0:1::8.8.8.8",
            // Discarded (RFC 6666), segment routing (RFC 9602).
            "100::1",
            "5f00::1",
            // 6to4 and Teredo, whatever is in them.
            "2002:7f00:1::1",
            "2002:808:808::1",
            "2001:0:4136:e378:8000:63bf:80ff:fffe",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "4000::1",
            "fc00::1",
            "fdff:ffff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            assert!(!verdict(address), "{address}");
        }
    }

    /// Every IPv4 network with a purpose of its own: its first and its last address, and whether the neighbours are
    /// public.
    #[test]
    fn each_network_ends_where_it_ends() {
        for (first, last, below, above) in [
            ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
            ("10.0.0.0", "10.255.255.255", Some("9.255.255.255"), Some("11.0.0.0")),
            ("100.64.0.0", "100.127.255.255", Some("100.63.255.255"), Some("100.128.0.0")),
            ("127.0.0.0", "127.255.255.255", Some("126.255.255.255"), Some("128.0.0.0")),
            ("169.254.0.0", "169.254.255.255", Some("169.253.255.255"), Some("169.255.0.0")),
            ("172.16.0.0", "172.31.255.255", Some("172.15.255.255"), Some("172.32.0.0")),
            ("192.0.0.0", "192.0.0.255", Some("191.255.255.255"), Some("192.0.1.0")),
            ("192.0.2.0", "192.0.2.255", Some("192.0.1.255"), Some("192.0.3.0")),
            ("192.88.99.0", "192.88.99.255", Some("192.88.98.255"), Some("192.88.100.0")),
            ("192.168.0.0", "192.168.255.255", Some("192.167.255.255"), Some("192.169.0.0")),
            ("198.18.0.0", "198.19.255.255", Some("198.17.255.255"), Some("198.20.0.0")),
            ("198.51.100.0", "198.51.100.255", Some("198.51.99.255"), Some("198.51.101.0")),
            ("203.0.113.0", "203.0.113.255", Some("203.0.112.255"), Some("203.0.114.0")),
            ("224.0.0.0", "239.255.255.255", Some("223.255.255.255"), None),
            ("240.0.0.0", "255.255.255.255", None, None),
        ] {
            for address in [first, last] {
                assert!(!verdict(address), "{address}");
                for wrapped in [format!("::ffff:{address}"), format!("64:ff9b::{address}")] {
                    assert!(!verdict(&wrapped), "{wrapped}");
                }
            }
            for address in [below, above].into_iter().flatten() {
                assert!(verdict(address), "{address}");
                for wrapped in [format!("::ffff:{address}"), format!("64:ff9b::{address}")] {
                    assert!(verdict(&wrapped), "{wrapped}");
                }
            }
        }
        for (inside, outside) in [
            ("2001::", "2001:200::"),
            ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"),
            ("2001:db8:ffff::", "2001:db9::"),
            ("2001:db8::", "2001:db7:ffff::"),
            ("2002:ffff::", "2003::"),
            ("3fff:fff::", "3fff:1000::"),
            ("1fff:ffff::", "2000::"),
            ("4000::", "3fff:ffff::"),
        ] {
            assert!(!verdict(inside) && verdict(outside), "{inside} {outside}");
        }
    }

    #[test]
    fn the_standard_library_finds_nothing_that_was_forgotten() {
        // One address in each /16, and what std knows of it.
        for top in 0..=u16::MAX {
            let address = Ipv4Addr::from_bits(u32::from(top) << 16 | 0x0101);
            let special = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_unspecified();
            assert!(!special || !is_public_address(address.into()), "{address}");
            let address = Ipv6Addr::new(top, 1, 1, 1, 1, 1, 1, 1);
            let special = address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || address.is_loopback();
            assert!(!special || !is_public_address(address.into()), "{address}");
        }
    }
}
