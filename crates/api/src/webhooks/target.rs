//! Where messages may go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::Uri;
use leitmotif_domain::limits;

/// An address of a receiver, as far as it can be checked without resolving its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The whole address.
    pub url: Uri,
    /// Its host: a name or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
}

impl Target {
    /// Reads an address.
    ///
    /// - Errors: what is wrong with it, for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > limits::WEBHOOK_URL_BYTES_MAX {
            return Err(format!(
                "{} bytes, at most {}",
                text.len(),
                limits::WEBHOOK_URL_BYTES_MAX
            ));
        }
        let url: Uri = (text.parse()).map_err(|_| "is no address of the web".to_owned())?;
        let is_encrypted = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("must begin with `https://` or `http://`".to_owned()),
        };
        let authority = url.authority().ok_or("names no host")?;
        if authority.as_str().contains('@') {
            return Err("must not hold a user or password: messages are signed".to_owned());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16();
        let port = port.unwrap_or(if is_encrypted { 443 } else { 80 });
        if host.is_empty() {
            return Err("names no host".to_owned());
        }
        Ok(Self {
            url,
            host,
            port,
            is_encrypted,
        })
    }
}

/// Refuses an address that only this machine or its network can reach, so that a tenant cannot make the
/// server ask what the tenant itself cannot.
///
/// - Errors: which sort of address it is.
/// - Source: IANA special-purpose address registries (RFC 6890 and later); embedded IPv4 addresses by
///   RFC 4291 (mapped), RFC 6052 (64:ff9b::/96) and RFC 3056 (6to4) are looked at as what they hold.
pub fn check_address(address: IpAddr) -> Result<(), String> {
    let is_public = match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    };
    if is_public {
        return Ok(());
    }
    Err(format!(
        "`{address}` is no public address; the operator can allow it by `webhook_private_addresses`"
    ))
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = match (first, second, third) {
        // This network, private, loopback, link-local.
        (0 | 10 | 127, _, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Shared behind a carrier, protocol assignments, benchmarks, relays.
        (100, 64..=127, _) | (192, 0, 0) | (198, 18 | 19, _) | (192, 88, 99) => true,
        // Examples, multicast, reserved and broadcast.
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) | (224..=255, _, _) => true,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let held = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match parts {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(held(high, low))
        }
        [0x2002, high, low, ..] => is_public_v4(held(high, low)),
        // Only 2000::/3 is given out; of it, examples and protocol assignments are not.
        [first, second, ..] => {
            let is_special = (first == 0x2001 && (second == 0xdb8 || second < 0x200))
                || (first == 0x3fff && second < 0x1000);
            first & 0xe000 == 0x2000 && !is_special
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_web_are_read() {
        let check = |text: &str, host: &str, port| {
            let target = Target::parse(text).unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port), "{text}");
        };
        check("http://example.org/a?b=c", "example.org", 80);
        check("http://[2001:4860::1]:8080/", "2001:4860::1", 8_080);
        check("http://192.168.1.1", "192.168.1.1", 80);
        check("https://example.org/", "example.org", 443);
        assert!(Target::parse("https://example.org/").unwrap().is_encrypted);
        let refuse = |text: &str, word: &str| {
            let reason = Target::parse(text).unwrap_err();
            assert!(reason.contains(word), "{text}: {reason}");
        };
        refuse("ftp://example.org/", "http://");
        refuse("/only/a/path", "http://");
        refuse("http://user:pass@example.org/", "user");
        refuse("not an address", "no address");
        let long = format!("http://example.org/{}", "x".repeat(2_048));
        refuse(&long, "bytes");
    }

    #[test]
    fn only_public_addresses_are_reached() {
        let check = |text: &str, is_public: bool| {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(check_address(address).is_ok(), is_public, "{text}");
        };
        for public in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            check(public, true);
        }
        for special in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            check(special, false);
        }
        check("::ffff:8.8.8.8", true);
        check("64:ff9b::808:808", true);
    }
}
