//! Similar names, for an error about a name that is not known.

/// The names that are most similar to a word, the most similar first; at most three, and none if the word is like no name.
///
/// ```
/// use vouchsafe_providers::{similar, slugs};
///
/// assert_eq!(similar("gogle", slugs()), ["google"]);
/// ```
pub fn similar<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let word: Vec<char> = word.chars().flat_map(char::to_lowercase).take(LONGEST).collect();
    let near = |name: &'n str| {
        let name_chars: Vec<char> = name.chars().collect();
        let distance = distance(&word, &name_chars);
        let limit = 1 + name_chars.len().min(word.len()) / 4;
        (distance < word.len() && distance <= limit).then_some((distance, name))
    };
    let mut near: Vec<_> = names.into_iter().filter_map(near).collect();
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).take(3).collect()
}

/// How many letters have to be added, removed, replaced or swapped with their neighbour to make one word the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(x != y);
            let is_swapped = i > 0 && j > 0 && a[i - 1] == *y && b[j - 1] == *x;
            let swapped = if is_swapped { rows[i - 1][j - 1] + 1 } else { usize::MAX };
            row.push(replaced.min(swapped).min(rows[i][j + 1] + 1).min(row[j] + 1));
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// The letters of a word that are compared. No name is longer.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slugs;

    #[test]
    fn a_misspelt_name_has_a_neighbour() {
        for word in ["gogle", "Google", "googel", "goolge", "ggoogle"] {
            assert_eq!(similar(word, slugs()).first(), Some(&"google"), "{word}");
        }
        assert_eq!(similar("gihtub", slugs()), ["github"]);
        assert!(similar("nothing-like-it", slugs()).is_empty());
        assert!(similar("", slugs()).is_empty());
        assert!(similar(&"x".repeat(100_000), slugs()).is_empty());
    }

    #[test]
    fn a_distance_counts_single_changes() {
        let between =
            |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        for (a, b, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "axc", 1),
            ("abc", "abcd", 1),
        ] {
            assert_eq!((between(a, b), between(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
