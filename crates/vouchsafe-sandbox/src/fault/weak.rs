//! An RSA key of 1024 bits. Cryptography libraries no longer sign with such a key. This one protects nothing.

use num_bigint::BigUint;

use crate::state::rsa_padded;
use crate::wire::base64url;

/// The modulus as a key set has it.
pub(super) fn modulus() -> String {
    base64url(&number(MODULUS).to_bytes_be())
}

/// RS256: the hash of the text, padded, to the power of the private exponent.
pub(super) fn sign(input: &[u8]) -> Vec<u8> {
    let padded = BigUint::from_bytes_be(&rsa_padded(input, LENGTH));
    let signature = padded.modpow(&number(PRIVATE_EXPONENT), &number(MODULUS)).to_bytes_be();
    [vec![0; LENGTH - signature.len()], signature].concat()
}

fn number(hexadecimal: &str) -> BigUint {
    BigUint::parse_bytes(hexadecimal.as_bytes(), 16).expect("the constants below are hexadecimal")
}

/// In bytes.
const LENGTH: usize = 128;
/// The product of two primes.
const MODULUS: &str = "c15921a4f83739dc444bede8b92e12e2da4d8bcf29f793c4e098cd67fa6b8af6f229df8e7fcdd261dde03c6b79a88bd2\
    7c8fcafb85b472a3d8213d3e8c0de2e5cb08fc4f00322a33d9e489eca7e710d94a3f5c0dbff37191a561a22eddd299f9\
    1ad9ca5de18b5a6da389e96556a221192164c16a818e1d5bc4998bbe62ff3ec7";
/// The inverse of 65537.
const PRIVATE_EXPONENT: &str = "1c3985b6ce61497a05224c6d9fb2c1210a9b2d60a590b5aa94dad989673e11c030e3b9f5d4645864defddff414836d3d\
    e1df1fd38dd624b21457edd7d69c2456043bbc58221f9cb7437f7e496070e46d56138a0781ab17090ada75533d66b7a7\
    e9f27bafdde3c705c6569bc32b63248e6c143c0ad903a5a4416fedf3d72d3589";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_key_opens_the_signature_to_the_padded_hash() {
        let signature = BigUint::from_bytes_be(&sign(b"a text"));
        let opened = signature.modpow(&BigUint::from(65537_u32), &number(MODULUS));
        assert_eq!(opened, BigUint::from_bytes_be(&rsa_padded(b"a text", LENGTH)));
    }
}
