//! Labels, operations and series: the three small vocabularies that every layer shares.

use std::fmt;

macro_rules! labels {
    ($($name:ident = $number:literal, $wire:literal;)*) => {
        /// The adapter family that sent a request. `Legacy` (wire form `""`) is unlabelled traffic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Label {
            $(#[doc = concat!("Wire form `\"", $wire, "\"`.")] $name = $number,)*
        }

        impl Label {
            /// Every label, in the order of its number.
            pub const ALL: [Label; [$($number),*].len()] = [$(Label::$name),*];

            /// The wire form: what stands in row ids and in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Label::$name => $wire,)* }
            }
        }
    };
}
include!("labels.rs");

impl Label {
    /// How many labels there are, `Legacy` included: the slots of one labelled route.
    pub const COUNT: usize = Self::ALL.len();

    /// Every label in the byte order of its wire form, which is the order of a column's rows.
    pub const BY_NAME: [Label; Self::COUNT] = sorted_by_name();

    /// The label with this number, if there is one.
    pub fn from_index(index: u32) -> Option<Label> {
        Self::ALL.get(index as usize).copied()
    }

    /// The label with this wire form, if there is one.
    pub fn from_name(name: &[u8]) -> Option<Label> {
        Self::ALL.into_iter().find(|label| label.name().as_bytes() == name)
    }

    /// The label's number, as the C API knows it.
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Insertion sort, since `sort` is not `const`.
const fn sorted_by_name() -> [Label; Label::COUNT] {
    let mut order = Label::ALL;
    let mut i = 1;
    while i < order.len() {
        let mut j = i;
        while j > 0 && less(order[j].name().as_bytes(), order[j - 1].name().as_bytes()) {
            let swapped = order[j];
            order[j] = order[j - 1];
            order[j - 1] = swapped;
            j -= 1;
        }
        i += 1;
    }
    order
}

const fn less(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() {
        if a[i] != b[i] {
            return a[i] < b[i];
        }
        i += 1;
    }
    a.len() < b.len()
}

/// What an observed request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Op {
    /// The request read the key.
    Read = 0,
    /// The request wrote the key.
    Write = 1,
}

impl Op {
    /// The operation with this number, if there is one.
    pub fn from_index(index: u32) -> Option<Op> {
        [Op::Read, Op::Write].get(index as usize).copied()
    }
}

/// One of the four counters of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Series {
    /// Number of reads.
    Reads = 0,
    /// Number of writes.
    Writes = 1,
    /// Bytes of keys and values read.
    ReadBytes = 2,
    /// Bytes of keys and values written.
    WriteBytes = 3,
}

impl Series {
    /// Every series, in the order of its number.
    pub const ALL: [Series; 4] = [Series::Reads, Series::Writes, Series::ReadBytes, Series::WriteBytes];

    /// The wire form: `reads`, `writes`, `read_bytes`, `write_bytes`.
    pub const fn name(self) -> &'static str {
        match self {
            Series::Reads => "reads",
            Series::Writes => "writes",
            Series::ReadBytes => "read_bytes",
            Series::WriteBytes => "write_bytes",
        }
    }

    /// The series with this number, if there is one.
    pub fn from_index(index: u32) -> Option<Series> {
        Self::ALL.get(index as usize).copied()
    }

    /// The series with this wire form, if there is one.
    pub fn from_name(name: &[u8]) -> Option<Series> {
        Self::ALL.into_iter().find(|series| series.name().as_bytes() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_count_up_from_legacy() {
        for (i, label) in Label::ALL.into_iter().enumerate() {
            assert_eq!(label.index(), i);
            assert_eq!(Label::from_index(i as u32), Some(label));
            assert_eq!(Label::from_name(label.name().as_bytes()), Some(label));
        }
        assert_eq!(Label::from_index(Label::COUNT as u32), None);
        assert_eq!(Label::Legacy.name(), "");
    }

    #[test]
    fn every_wire_form_fits_into_a_row_id() {
        for label in Label::ALL.into_iter().skip(1) {
            let name = label.name();
            assert!(!name.is_empty());
            assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'/' | b'-')), "{name}");
        }
    }

    #[test]
    fn the_order_of_rows_is_the_order_of_wire_forms() {
        let names = Label::BY_NAME.map(Label::name);
        assert!(names.is_sorted());
        assert_eq!(names, ["", "dynamo", "rawkv", "redis", "s3", "sqs"]);
    }
}
