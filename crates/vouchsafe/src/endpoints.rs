//! The endpoints of a provider, as a table.
use vouchsafe_providers::EndpointName;

use crate::endpoint::Endpoint;

/// A table of endpoints by their names: from a definition, from metadata, or from both.
///
/// The rows are those of [`EndpointName`]. Reading, filling in and merging go through all rows, so a new row needs no change
/// here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoints([Option<Endpoint>; EndpointName::ALL.len()]);

impl Endpoints {
    /// Makes a table: `find` finds the endpoint for each name.
    pub(crate) fn read<E>(
        mut find: impl FnMut(EndpointName) -> Result<Option<Endpoint>, E>,
    ) -> Result<Self, E> {
        let mut table = Self::default();
        for name in EndpointName::ALL {
            table.0[*name as usize] = find(*name)?;
        }
        Ok(table)
    }

    pub(crate) fn get(&self, name: EndpointName) -> Option<&Endpoint> {
        self.0[name as usize].as_ref()
    }

    /// Takes an endpoint out.
    pub(crate) fn remove(&mut self, name: EndpointName) {
        self.0[name as usize] = None;
    }

    /// This table, with the endpoints of another where this one has none.
    pub(crate) fn or(mut self, other: &Self) -> Self {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            if own.is_none() {
                own.clone_from(other);
            }
        }
        self
    }
}

/// The name of an endpoint, for a message: `token endpoint`.
pub(crate) fn in_words(name: EndpointName) -> String {
    name.as_str().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_place_for_each_name_and_keeps_its_own_endpoints() {
        let at = |host: &str, name: EndpointName| {
            Endpoint::parse(&format!("https://{host}/{}", name.as_str())).ok()
        };
        let own = Endpoints::read(|name| {
            Ok::<_, ()>(at("own.example", name).filter(|_| name == EndpointName::Token))
        });
        let other = Endpoints::read(|name| Ok::<_, ()>(at("other.example", name))).unwrap();
        let both = own.unwrap().or(&other);
        for name in EndpointName::ALL {
            let host = if *name == EndpointName::Token { "own" } else { "other" };
            let expected = format!("https://{host}.example/{}", name.as_str());
            assert_eq!(both.get(*name).unwrap().as_str(), expected);
        }
        assert!(
            Endpoints::read(|name| if name == EndpointName::EndSession { Err(()) } else { Ok(None) })
                .is_err()
        );
        assert_eq!(in_words(EndpointName::DeviceAuthorization), "device authorization endpoint");
    }
}
