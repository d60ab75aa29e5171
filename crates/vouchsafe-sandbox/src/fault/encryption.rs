//! Faults in the encryption of the ID token and of UserInfo. They change nothing for a client that is not registered for encryption.

use super::Strike::IdToken;
use super::faults;
use crate::state::{Attacker, Jwt};

faults! { Encryption:
    NOT_ENCRYPTED: "the ID token is signed and not encrypted, although the client is registered for encryption",
        security "not_encrypted", IdToken(|token| token.recipient = None);
    ENCRYPTED_FOR_ANOTHER_KEY: "the ID token is encrypted for another key",
        security "decryption", IdToken(for_another_key);
    ANOTHER_CONTENT_ENCRYPTION: "the content of the ID token is encrypted by another algorithm than the registered one",
        security "algorithm", IdToken(by_another_algorithm);
    ENCRYPTED_AND_FORGED: "the attacker has signed the ID token, and encrypted it with the public key of the client",
        security "signature", super::id_token::BY_ATTACKER;
}

pub(super) fn for_another_key(token: &mut Jwt<'_>) {
    if let Some(recipient) = &mut token.recipient {
        let kid = recipient.jwk["kid"].take();
        recipient.jwk = Attacker::encryption_jwk(&recipient.jwk, &kid);
    }
}

pub(super) fn by_another_algorithm(token: &mut Jwt<'_>) {
    if let Some(recipient) = &mut token.recipient {
        let is_first = recipient.enc == "A128GCM";
        recipient.enc = if is_first { "A256GCM" } else { "A128GCM" }.to_owned();
    }
}
