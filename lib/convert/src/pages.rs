//! Which pages of a PDF are meant, and what happens to them: ranges and turns as people write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Ranges that one wish may have: each is a few bytes of the request, and up to thousands of pages.
const RANGES: usize = 1_000;

/// Pages in the order in which they are wanted, such as `1-3,7,12-`: numbers from 1, ranges with both ends, and ranges
/// up to the last page. A page may be wanted twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pages(Vec<Range>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u32,
    /// The last page of the document when there is none.
    last: Option<u32>,
}

/// How pages are turned, such as `90` or `270:1,3-5`: degrees clockwise, and after a colon the pages if not all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Turn {
    degrees: u16,
    pages: Option<Pages>,
}

/// A wish about pages that cannot be read, with what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnreadablePages(String);

impl Pages {
    /// The numbers of the pages in a document of `count`.
    ///
    /// # Errors
    /// `NoSuchPage` when the document ends before one of them.
    pub(crate) fn of(&self, count: u32) -> Result<Vec<u32>, Error> {
        let mut numbers = Vec::new();
        for range in &self.0 {
            let last = range.last.unwrap_or(count);
            if range.first > count || last > count {
                return Err(Error::NoSuchPage { wanted: range.to_string(), pages: count });
            }
            numbers.extend(range.first..=last);
        }
        Ok(numbers)
    }
}

impl Turn {
    /// Degrees clockwise: 90, 180 or 270.
    pub(crate) fn degrees(&self) -> i64 {
        self.degrees.into()
    }

    /// The numbers of the pages to turn in a document of `count`.
    pub(crate) fn of(&self, count: u32) -> Result<Vec<u32>, Error> {
        match &self.pages {
            Some(pages) => pages.of(count),
            None => Ok((1..=count).collect()),
        }
    }
}

impl FromStr for Pages {
    type Err = UnreadablePages;

    fn from_str(said: &str) -> Result<Pages, UnreadablePages> {
        let ranges = said.split(',').map(str::parse).collect::<Result<Vec<Range>, _>>()?;
        if ranges.len() > RANGES {
            return Err(UnreadablePages(format!("at most {RANGES} ranges of pages can be wanted at once")));
        }
        Ok(Pages(ranges))
    }
}

impl FromStr for Range {
    type Err = UnreadablePages;

    fn from_str(said: &str) -> Result<Range, UnreadablePages> {
        let wrong =
            |what: &str| UnreadablePages(format!("'{said}' {what}; pages are written like 1-3,7,12-"));
        let number = |digits: &str| match digits.trim().parse::<u32>() {
            Ok(0) => Err(wrong("begins before the first page, which is 1")),
            Ok(number) => Ok(number),
            Err(_) => Err(wrong("is no range of pages")),
        };
        let range = match said.split_once('-') {
            None => Range { first: number(said)?, last: Some(number(said)?) },
            Some((first, last)) if last.trim().is_empty() => Range { first: number(first)?, last: None },
            Some((first, last)) => Range { first: number(first)?, last: Some(number(last)?) },
        };
        match range.last {
            Some(last) if last < range.first => Err(wrong("ends before it begins")),
            _ => Ok(range),
        }
    }
}

impl FromStr for Turn {
    type Err = UnreadablePages;

    fn from_str(said: &str) -> Result<Turn, UnreadablePages> {
        let (degrees, pages) = match said.split_once(':') {
            Some((degrees, pages)) => (degrees, Some(pages.parse()?)),
            None => (said, None),
        };
        let degrees = match degrees.trim() {
            "90" | "-270" => 90,
            "180" | "-180" => 180,
            "270" | "-90" => 270,
            other => {
                return Err(UnreadablePages(format!(
                    "'{other}' is no turn; pages turn by 90, 180 or 270 degrees"
                )));
            }
        };
        Ok(Turn { degrees, pages })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some(last) if last == self.first => write!(f, "{last}"),
            Some(last) => write!(f, "{}-{last}", self.first),
            None => write!(f, "{}-", self.first),
        }
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges: Vec<String> = self.0.iter().map(Range::to_string).collect();
        f.write_str(&ranges.join(","))
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pages {
            Some(pages) => write!(f, "{}:{pages}", self.degrees),
            None => write!(f, "{}", self.degrees),
        }
    }
}

impl TryFrom<String> for Pages {
    type Error = UnreadablePages;

    fn try_from(said: String) -> Result<Pages, UnreadablePages> {
        said.parse()
    }
}

impl TryFrom<String> for Turn {
    type Error = UnreadablePages;

    fn try_from(said: String) -> Result<Turn, UnreadablePages> {
        said.parse()
    }
}

impl From<Pages> for String {
    fn from(pages: Pages) -> String {
        pages.to_string()
    }
}

impl From<Turn> for String {
    fn from(turn: Turn) -> String {
        turn.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_in_the_order_in_which_they_are_said() {
        let pages: Pages = "3, 1-2,4-".parse().unwrap();

        assert_eq!(pages.of(5), Ok(vec![3, 1, 2, 4, 5]));
        assert_eq!(pages.to_string(), "3,1-2,4-");
        assert_eq!("2,2".parse::<Pages>().unwrap().of(2), Ok(vec![2, 2]));
        let beyond = "1-9".parse::<Pages>().unwrap().of(4);
        assert_eq!(beyond, Err(Error::NoSuchPage { wanted: "1-9".into(), pages: 4 }));
        assert_eq!("5-".parse::<Pages>().unwrap().of(4).unwrap_err().code(), "no_such_page");
    }

    #[test]
    fn what_is_no_range_is_refused_with_an_example() {
        for said in ["", "0", "3-1", "a", "1,,2", "-2", "1-2-3", "4294967296"] {
            let refused = said.parse::<Pages>().unwrap_err().to_string();
            assert!(refused.contains("1-3,7,12-"), "{said}: {refused}");
        }
        assert!("1,".repeat(1_001).trim_end_matches(',').parse::<Pages>().is_err());
    }

    #[test]
    fn a_turn_says_how_far_and_which_pages() {
        let some: Turn = "-90:1,3".parse().unwrap();
        let all: Turn = "180".parse().unwrap();

        assert_eq!((some.degrees(), some.of(3), some.to_string()), (270, Ok(vec![1, 3]), "270:1,3".into()));
        assert_eq!(all.of(3), Ok(vec![1, 2, 3]));
        assert!("45".parse::<Turn>().is_err() && "90:".parse::<Turn>().is_err());
        let json = serde_json::to_string(&some).unwrap();
        assert_eq!(serde_json::from_str::<Turn>(&json).unwrap(), some);
    }
}
