//! Faults in the encryption of the signed authorization response (JARM section 2.2). They change nothing for a client that is not
//! registered for it.

use super::Strike::{Header, IdToken};
use super::id_token::{BY_ATTACKER, UNSIGNED};
use super::{encryption, faults};

faults! { EncryptedResponse:
    JARM_NOT_ENCRYPTED: "the authorization response is signed and not encrypted, although the client is registered for that",
        security "not_encrypted", IdToken(|token| token.recipient = None);
    JARM_FOR_ANOTHER_KEY: "the authorization response is encrypted for another key",
        security "decryption", IdToken(encryption::for_another_key);
    JARM_ANOTHER_ENCRYPTION: "the authorization response is encrypted by another algorithm than the registered one",
        security "algorithm", IdToken(encryption::by_another_algorithm);
    JARM_ENCRYPTED_UNSIGNED: "the authorization response is encrypted, and nobody has signed the JWT inside: alg is none",
        security "algorithm", UNSIGNED, Header("alg", || "none".into());
    JARM_ENCRYPTED_AND_FORGED: "the attacker has signed the authorization response, and encrypted it for the client",
        security "signature", BY_ATTACKER;
}
