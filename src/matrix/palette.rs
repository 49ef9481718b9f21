//! The colours of the page and of the pictures: one table for both.
//!
//! The scale is viridis (van der Walt and Smith, 2015), interpolated between ten of its points: its lightness grows
//! evenly, so it reads the same with any colour vision, and in grey. Labels have the colours of Okabe and Ito (2008).

/// An sRGB colour.
pub(crate) type Rgb = [u8; 3];

/// A cell without traffic: darker than all of the scale.
pub(crate) const NO_TRAFFIC: Rgb = [0x12, 0x0d, 0x1a];

/// How many colours a cell with traffic can have.
pub(crate) const COLOURS: usize = 255;

const VIRIDIS: [Rgb; 10] = [
    [0x44, 0x01, 0x54],
    [0x48, 0x28, 0x78],
    [0x3e, 0x4a, 0x89],
    [0x31, 0x68, 0x8e],
    [0x26, 0x82, 0x8e],
    [0x1f, 0x9e, 0x89],
    [0x35, 0xb7, 0x79],
    [0x6d, 0xcd, 0x59],
    [0xb4, 0xde, 0x2c],
    [0xfd, 0xe7, 0x25],
];

/// The known labels' colours.
pub(crate) const LABELS: [(&str, Rgb); 6] = [
    ("", [0x99, 0x99, 0x99]),
    ("dynamo", [0x56, 0xb4, 0xe9]),
    ("redis", [0xd5, 0x5e, 0x00]),
    ("s3", [0x00, 0x9e, 0x73]),
    ("sqs", [0xe6, 0x9f, 0x00]),
    ("rawkv", [0xcc, 0x79, 0xa7]),
];

/// What other labels have to share.
pub(crate) const OTHER_LABELS: [Rgb; 2] = [[0xf0, 0xe4, 0x42], [0x00, 0x72, 0xb2]];

/// The colour of a level: 0 is no traffic, 1 the least and [`COLOURS`] the most.
pub(crate) fn colour(level: u8) -> Rgb {
    let Some(place) = usize::from(level).checked_sub(1) else { return NO_TRAFFIC };
    let along = place * (VIRIDIS.len() - 1);
    let (point, rest) = (along / (COLOURS - 1), along % (COLOURS - 1));
    let next = (point + 1).min(VIRIDIS.len() - 1);
    std::array::from_fn(|i| {
        let (a, b) = (usize::from(VIRIDIS[point][i]), usize::from(VIRIDIS[next][i]));
        ((a * (COLOURS - 1 - rest) + b * rest + (COLOURS - 1) / 2) / (COLOURS - 1)) as u8
    })
}

/// The colour of a label's band.
pub(crate) fn label_colour(label: &str) -> Rgb {
    let known = LABELS.iter().find(|(name, _)| *name == label);
    let sum: usize = label.bytes().map(usize::from).sum();
    known.map_or(OTHER_LABELS[sum % OTHER_LABELS.len()], |(_, colour)| *colour)
}

/// `RRGGBB`.
pub(crate) fn hex(colour: Rgb) -> String {
    colour.iter().map(|channel| format!("{channel:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Label;

    fn luminance(colour: Rgb) -> f64 {
        let linear = |channel: u8| (f64::from(channel) / 255.0).powf(2.2);
        0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
    }

    #[test]
    fn more_traffic_is_brighter_in_grey_too() {
        // Channels are whole numbers, so neighbours may differ by their rounding alone.
        assert!((0..=251).all(|level| luminance(colour(level)) < luminance(colour(level + 4))));
        assert_eq!(colour(1), VIRIDIS[0]);
        assert_eq!(colour(255), VIRIDIS[9]);
    }

    #[test]
    fn every_label_of_this_build_has_a_colour_of_its_own() {
        let mut colours = Label::ALL.map(|label| label_colour(label.name())).to_vec();
        assert!(colours.iter().all(|colour| !OTHER_LABELS.contains(colour)));
        colours.sort_unstable();
        colours.dedup();
        assert_eq!(colours.len(), Label::COUNT);
    }
}
