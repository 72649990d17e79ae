//! Where a receiver may be.
//!
//! Who writes the configuration decides whom the daemon talks to: an address in digits and a name that is of a plant by
//! what it is are taken as they are written. Behind any other name stands whoever answers for it in the DNS, and may
//! answer with an address of the plant; such an answer is refused, and what is connected to is what was looked at.
//! Link-local addresses, and the few others where clouds keep credentials, are refused however they are written.

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

const LINK_LOCAL: &str = "link-local (RFC 3927, RFC 4291), where clouds keep their credentials";
const PRIVATE: &str = "of a private network (RFC 1918)";
const LOOPBACK: &str = "of this machine (RFC 1122, RFC 4291)";
const DOCUMENTATION: &str = "for documentation (RFC 5737, RFC 3849, RFC 9637)";
const MULTICAST: &str = "multicast (RFC 5771, RFC 4291)";
const UNSPECIFIED: &str = "none (RFC 791, RFC 4291)";
const BENCHMARKS: &str = "for benchmarks (RFC 2544, RFC 5180)";

const METADATA: &str = "where a cloud keeps its credentials";

/// What is not of the internet, by begin, bits of it, and what it is.
const V4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(100, 100, 100, 200), 32, METADATA),
    (Ipv4Addr::new(192, 0, 0, 192), 32, METADATA),
    (Ipv4Addr::UNSPECIFIED, 8, UNSPECIFIED),
    (Ipv4Addr::new(10, 0, 0, 0), 8, PRIVATE),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by a provider (RFC 6598)"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, LOOPBACK),
    (Ipv4Addr::new(169, 254, 0, 0), 16, LINK_LOCAL),
    (Ipv4Addr::new(172, 16, 0, 0), 12, PRIVATE),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "for protocols (RFC 6890)"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, DOCUMENTATION),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "of a retired relay (RFC 7526)"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, PRIVATE),
    (Ipv4Addr::new(198, 18, 0, 0), 15, BENCHMARKS),
    (Ipv4Addr::new(198, 51, 100, 0), 24, DOCUMENTATION),
    (Ipv4Addr::new(203, 0, 113, 0), 24, DOCUMENTATION),
    (Ipv4Addr::new(224, 0, 0, 0), 4, MULTICAST),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved (RFC 1112)"),
];

/// The same of IPv6; what has an address of IPv4 in it is looked at as that first.
const V6: &[(Ipv6Addr, u32, &str)] = &[
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128, METADATA),
    (Ipv6Addr::UNSPECIFIED, 128, UNSPECIFIED),
    (Ipv6Addr::LOCALHOST, 128, LOOPBACK),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "translated within a network (RFC 8215)"),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "where all is discarded (RFC 6666)"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, "of a tunnel (RFC 4380)"),
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, BENCHMARKS),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, DOCUMENTATION),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, DOCUMENTATION),
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, "of segments within a network (RFC 9602)"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "of a private network (RFC 4193)"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, LINK_LOCAL),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "of a private network (RFC 3879)"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, MULTICAST),
];

/// Names that are of a plant by what they are: these, and names under them.
const OF_PLANTS: &[&str] = &["localhost", "local", "lan", "internal", "home.arpa"];

/// What an address is, if it is not of the internet.
fn kind(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let found = V6.iter().find(|(begin, prefix, _)| {
                let rest = 128 - prefix;
                bits.checked_shr(rest) == begin.to_bits().checked_shr(rest)
            });
            let inner = embedded(address).and_then(kind_v4);
            // What never may be meant is not hidden by what it is written in.
            inner.filter(|kind| is_of_cloud(kind)).or(found.map(|(_, _, kind)| *kind)).or(inner)
        }
    }
}

fn kind_v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    let of = |(begin, prefix, _): &&(Ipv4Addr, u32, &str)| {
        let rest = 32 - prefix;
        bits >> rest == begin.to_bits() >> rest
    };
    V4.iter().find(of).map(|(_, _, kind)| *kind)
}

/// True of where clouds keep credentials: that is refused however it is written.
fn is_of_cloud(kind: &str) -> bool {
    kind == LINK_LOCAL || kind == METADATA
}

/// The address of IPv4 that one of IPv6 leads to: NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), SIIT (RFC 7915), and what was
/// once meant for hosts with both (RFC 4291).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0 | 1, _, _, _, a, b]
        | [0, 0, 0, 0, 0 | 0xffff, 0, a, b]
        | [0x2002, a, b, ..] => Some(Ipv4Addr::from_bits(u32::from(a) << 16 | u32::from(b))),
        _ => None,
    }
}

/// True if a name says by what it is that it is of the plant: one label as in Docker, or under one of [`OF_PLANTS`].
fn is_of_plant(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let under = |of: &&str| name.strip_suffix(*of).is_some_and(|before| before.ends_with('.'));
    !name.contains('.') || OF_PLANTS.contains(&&*name) || OF_PLANTS.iter().any(under)
}

/// Whether an address in digits may be meant.
///
/// # Errors
/// When it is link-local, and nobody said that it is meant; in words without the address.
pub(super) fn check_literal(url: &Url, private: bool) -> Result<(), &'static str> {
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    if !private && literal.and_then(kind).is_some_and(is_of_cloud) {
        return Err(
            "its address is link-local or another one where clouds keep their credentials: write `private = true` in its \
                    `[[webhook]]` if it is meant",
        );
    }
    Ok(())
}

/// Why none of the addresses of a name is connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error(
        "its name leads to an address that is {0}: write `private = true` in its `[[webhook]]` if that is meant, \
         or correct the name or what the DNS says of it"
    )]
    NotMeant(&'static str),
    #[error("the DNS knows no address of its name")]
    None,
}

/// Of the addresses of a name those that may be connected to.
fn pass(name: &str, found: Vec<SocketAddr>, private: bool) -> Result<Vec<SocketAddr>, Refusal> {
    let of_plant = is_of_plant(name);
    let refused =
        |at: &SocketAddr| kind(at.ip()).filter(|kind| !private && (!of_plant || is_of_cloud(kind)));
    let why = found.iter().find_map(refused).map_or(Refusal::None, Refusal::NotMeant);
    let passed: Vec<SocketAddr> = found.into_iter().filter(|at| refused(at).is_none()).collect();
    if passed.is_empty() { Err(why) } else { Ok(passed) }
}

/// Looks names up by the system, and hands on only what may be connected to, so that nothing can change in between.
pub(super) struct Resolver<L> {
    look_up: L,
    private: bool,
}

/// The system's way to look up a name. Blocks.
fn by_system(name: &str) -> io::Result<Vec<SocketAddr>> {
    Ok((name, 0).to_socket_addrs()?.collect())
}

/// The resolver of a receiver; `private` says that its name may lead anywhere.
pub(super) fn resolver(private: bool) -> Arc<impl Resolve + 'static> {
    Arc::new(Resolver::new(by_system, private))
}

impl<L> Resolver<L> {
    /// Looks names up like this.
    pub(super) fn new(look_up: L, private: bool) -> Self {
        Self { look_up, private }
    }
}

impl<L> Resolve for Resolver<L>
where
    L: Fn(&str) -> io::Result<Vec<SocketAddr>> + Clone + Send + Sync + 'static,
{
    fn resolve(&self, name: Name) -> Resolving {
        let (look_up, private, name) =
            (self.look_up.clone(), self.private, name.as_str().to_owned());
        Box::pin(async move {
            let asked = name.clone();
            let found = tokio::task::spawn_blocking(move || look_up(&asked)).await??;
            let passed = pass(&name, found, private)?;
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_not_of_the_internet_is_known_from_its_first_to_its_last_address() {
        for (first, last, words) in [
            ("100.100.100.200", "100.100.100.200", "credentials"),
            ("192.0.0.192", "192.0.0.192", "credentials"),
            ("fd00:ec2::254", "fd00:ec2::254", "credentials"),
            ("64:ff9b:1::a9fe:a9fe", "::ffff:0:a9fe:a9fe", "link-local"),
            ("0.0.0.0", "0.255.255.255", "RFC 791"),
            ("10.0.0.0", "10.255.255.255", "RFC 1918"),
            ("100.64.0.0", "100.127.255.255", "RFC 6598"),
            ("127.0.0.0", "127.255.255.255", "this machine"),
            ("169.254.0.0", "169.254.255.255", "link-local"),
            ("172.16.0.0", "172.31.255.255", "RFC 1918"),
            ("192.0.0.0", "192.0.0.255", "RFC 6890"),
            ("192.0.2.0", "192.0.2.255", "documentation"),
            ("192.88.99.0", "192.88.99.255", "RFC 7526"),
            ("192.168.0.0", "192.168.255.255", "RFC 1918"),
            ("198.18.0.0", "198.19.255.255", "benchmarks"),
            ("198.51.100.0", "198.51.100.255", "documentation"),
            ("203.0.113.0", "203.0.113.255", "documentation"),
            ("224.0.0.0", "239.255.255.255", "multicast"),
            ("240.0.0.0", "255.255.255.255", "reserved"),
            ("::", "::", "none"),
            ("::1", "::1", "this machine"),
            ("::ffff:10.0.0.1", "::ffff:10.255.0.1", "RFC 1918"),
            ("::ffff:169.254.169.254", "::ffff:169.254.169.254", "link-local"),
            ("64:ff9b::a00:1", "64:ff9b::10.9.9.9", "RFC 1918"),
            ("64:ff9b::169.254.169.254", "64:ff9b::169.254.1.1", "link-local"),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "RFC 8215"),
            ("2002:a00:1::1", "2002:a00:1:ffff::", "RFC 1918"),
            ("::10.1.2.3", "::10.1.2.4", "RFC 1918"),
            ("100::", "100::ffff:ffff:ffff:ffff", "RFC 6666"),
            ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "RFC 4380"),
            ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "benchmarks"),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
            ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "RFC 9602"),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "RFC 4193"),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
            ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "RFC 3879"),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
        ] {
            for text in [first, last] {
                let found = kind(ip(text)).unwrap_or("of the internet");
                assert!(found.contains(words), "{text} is {found}, not {words}");
            }
        }
        for public in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.112.255",
            "223.255.255.255",
            "2001:1::1",
            "2001:4860:4860::8888",
            "2003::",
            "3ffe:ffff::1",
            "4000::",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "::ffff:8.8.8.8",
            "fbff:ffff::1",
        ] {
            assert_eq!(kind(ip(public)), None, "{public}");
        }
    }

    #[test]
    fn a_name_says_whether_it_is_of_a_plant() {
        for name in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "receiver",
            "mes.local",
            "mes.mill.lan",
            "mes.lan.",
            "x.internal",
            "printer.home.arpa",
            "home.arpa",
        ] {
            assert!(is_of_plant(name), "{name}");
        }
        for name in [
            "example.com",
            "mylocal.com",
            "lan.example.com",
            "notlocalhost.net",
            "arpa.",
            "x.arpa",
            "xhome.arpa",
        ] {
            assert_eq!(is_of_plant(name), name == "arpa.", "{name}");
        }
    }

    #[test]
    fn digits_are_meant_but_for_those_where_clouds_keep_credentials() {
        for (url, allowed) in [
            ("http://10.1.2.3/hook", true),
            ("http://127.0.0.1:9000/", true),
            ("http://[fd00::1]/", true),
            ("http://hooks.example.com/", true),
            ("http://169.254.169.254/latest", false),
            // The same, as people hide it.
            ("http://2852039166/", false),
            ("http://0xa9.0xfea9fe/", false),
            ("http://[::ffff:a9fe:a9fe]/", false),
            ("http://[64:ff9b::a9fe:a9fe]/", false),
            ("http://[fe80::1]/", false),
        ] {
            let parsed = Url::parse(url).unwrap();
            assert_eq!(check_literal(&parsed, false).is_ok(), allowed, "{url}");
            assert_eq!(check_literal(&parsed, true), Ok(()), "{url}");
        }
    }

    #[test]
    fn of_a_name_only_addresses_that_may_be_are_connected_to() {
        let at = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| SocketAddr::new(ip(text), 0)).collect()
        };
        let all = at(&["127.0.0.1", "93.184.216.34", "169.254.169.254", "fd00::1"]);
        let check = |name: &str, private: bool, passed: &[&str]| {
            assert_eq!(pass(name, all.clone(), private), Ok(at(passed)), "{name} {private}");
        };
        check("hooks.example.com", false, &["93.184.216.34"]);
        check(
            "hooks.example.com",
            true,
            &["127.0.0.1", "93.184.216.34", "169.254.169.254", "fd00::1"],
        );
        check("mes.lan", false, &["127.0.0.1", "93.184.216.34", "fd00::1"]);
        let refused = pass("hooks.example.com", at(&["192.168.1.7"]), false).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "its name leads to an address that is of a private network (RFC 1918): write `private = true` in its \
             `[[webhook]]` if that is meant, or correct the name or what the DNS says of it"
        );
        let metadata = pass("metadata.google.internal", at(&["169.254.169.254"]), false);
        assert_eq!(metadata, Err(Refusal::NotMeant(LINK_LOCAL)));
        assert_eq!(pass("hooks.example.com", vec![], false), Err(Refusal::None));
    }
}
