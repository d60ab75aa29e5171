//! An RSA key of 1024 bits. No library worth its name signs by one any more, so the arithmetic is here: it need not be
//! fast, and there is nothing to be kept secret.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::state::keys::rsa_padded;

/// The modulus as a key set has it.
pub(super) fn modulus() -> String {
    URL_SAFE_NO_PAD.encode(bytes(&MODULUS))
}

/// RS256: the text's hash, padded, to the power of the private exponent.
pub(super) fn sign(input: &[u8]) -> Vec<u8> {
    let hash = digest::digest(&digest::SHA256, input);
    bytes(&power(&number(&rsa_padded(hash.as_ref(), 8 * LIMBS)), &PRIVATE_EXPONENT))
}

/// The lowest limb first.
type Number = [u64; LIMBS];

const LIMBS: usize = 16;

fn power(base: &Number, exponent: &Number) -> Number {
    let mut one = [0; LIMBS];
    one[0] = 1;
    let (base, mut result) = (multiplied(base, &SQUARE), multiplied(&one, &SQUARE));
    for at in (0..64 * LIMBS).rev() {
        result = multiplied(&result, &result);
        if exponent[at / 64] >> (at % 64) & 1 == 1 {
            result = multiplied(&result, &base);
        }
    }
    multiplied(&result, &one)
}

/// Montgomery's multiplication: the product, divided by 2^1024, modulo the modulus.
fn multiplied(a: &Number, b: &Number) -> Number {
    let mut sum = [0_u64; LIMBS + 2];
    for b in b {
        let mut carry = 0;
        for (limb, a) in sum.iter_mut().zip(a) {
            (*limb, carry) = add(*limb, *a, *b, carry);
        }
        (sum[LIMBS], carry) = add(sum[LIMBS], 0, 0, carry);
        sum[LIMBS + 1] = carry;
        let factor = sum[0].wrapping_mul(INVERSE);
        (_, carry) = add(sum[0], factor, MODULUS[0], 0);
        for at in 1..LIMBS {
            (sum[at - 1], carry) = add(sum[at], factor, MODULUS[at], carry);
        }
        (sum[LIMBS - 1], carry) = add(sum[LIMBS], 0, 0, carry);
        sum[LIMBS] = sum[LIMBS + 1] + carry;
    }
    let mut reduced = [0; LIMBS];
    let mut borrowed = false;
    for at in 0..LIMBS {
        let (difference, first) = sum[at].overflowing_sub(MODULUS[at]);
        let (difference, second) = difference.overflowing_sub(borrowed.into());
        (reduced[at], borrowed) = (difference, first || second);
    }
    let mut whole = [0; LIMBS];
    whole.copy_from_slice(&sum[..LIMBS]);
    if sum[LIMBS] == 0 && borrowed { whole } else { reduced }
}

/// `limb + a * b + carry`, as low and high half.
fn add(limb: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let sum = u128::from(limb) + u128::from(a) * u128::from(b) + u128::from(carry);
    (sum as u64, (sum >> 64) as u64)
}

fn number(bytes: &[u8]) -> Number {
    let mut number = [0; LIMBS];
    for (at, byte) in bytes.iter().rev().enumerate() {
        number[at / 8] |= u64::from(*byte) << (8 * (at % 8));
    }
    number
}

fn bytes(number: &Number) -> Vec<u8> {
    number.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect()
}

/// The product of two primes.
const MODULUS: Number = [
    0xc4998bbe62ff3ec7,
    0x2164c16a818e1d5b,
    0xa389e96556a22119,
    0x1ad9ca5de18b5a6d,
    0xa561a22eddd299f9,
    0x4a3f5c0dbff37191,
    0xd9e489eca7e710d9,
    0xcb08fc4f00322a33,
    0xd8213d3e8c0de2e5,
    0x7c8fcafb85b472a3,
    0xdde03c6b79a88bd2,
    0xf229df8e7fcdd261,
    0xe098cd67fa6b8af6,
    0xda4d8bcf29f793c4,
    0x444bede8b92e12e2,
    0xc15921a4f83739dc,
];
/// The inverse of 65537.
const PRIVATE_EXPONENT: Number = [
    0x416fedf3d72d3589,
    0x6c143c0ad903a5a4,
    0xc6569bc32b63248e,
    0xe9f27bafdde3c705,
    0x0ada75533d66b7a7,
    0x56138a0781ab1709,
    0x437f7e496070e46d,
    0x043bbc58221f9cb7,
    0x1457edd7d69c2456,
    0xe1df1fd38dd624b2,
    0xdefddff414836d3d,
    0x30e3b9f5d4645864,
    0x94dad989673e11c0,
    0x0a9b2d60a590b5aa,
    0x05224c6d9fb2c121,
    0x1c3985b6ce61497a,
];
/// 2^2048, modulo the modulus.
const SQUARE: Number = [
    0xedc7a11ddad8ba57,
    0xf79cee241aec88e3,
    0x76d2da31df96029c,
    0xe7cd9c68b7b121d5,
    0xf4a24ce91d4d1bfa,
    0x1a2ad030a9d2c8df,
    0xa86653dad76321ed,
    0x1e0ef6af589cc774,
    0xeccd5f55d027b532,
    0xf64e15b0bb54c7ed,
    0xa2373f0b7f60f515,
    0xc6cb97d81a010f54,
    0x4486f8ac98aa743b,
    0x3764e76d1e7247eb,
    0xfb43cb4cb5d67fea,
    0x80917444f93b480a,
];
/// The inverse of the modulus, negated, modulo 2^64.
const INVERSE: u64 = 0x5c413e909483dd09;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_the_padded_hash_to_whoever_has_the_public_key() {
        let mut exponent = [0; LIMBS];
        exponent[0] = 65537;
        let hash = digest::digest(&digest::SHA256, b"a text");
        let opened = power(&number(&sign(b"a text")), &exponent);
        assert_eq!(bytes(&opened), rsa_padded(hash.as_ref(), 128));
    }
}
