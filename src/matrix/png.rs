//! The matrix as a plain picture, for reports and terminals: time goes right, keys go down, brighter is more.
//!
//! It has the page's colours, at the left edge a band in the colour of each row's label, and white hatching where the
//! sources of a merge contradicted each other. A pixel that stands for several cells shows the greatest of them, so that
//! no hot cell vanishes. The same matrix and options give the same bytes.

use super::Matrix;
use super::palette::{self, Rgb};
use crate::Error;
use std::io::Write;
use std::ops::Range;

/// The longest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 8192;

/// The width of the labels' band and of the gap beside it, in pixels.
pub const BAND: u32 = 8;
const GAP: u32 = 2;
const SMALLEST: u32 = BAND + GAP + 1;

/// About how large a picture gets that is given no size, in pixels: cells are as large as fits, and of equal size.
const USUAL: u32 = 1024;

/// How values become colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// In proportion to the value.
    Linear,
    /// In proportion to `ln(1 + value)`.
    #[default]
    Log,
}

/// How to draw a matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PngOptions {
    /// Pixels across, the band included; 0: as the columns need.
    pub width: u32,
    /// Pixels down; 0: as the rows need.
    pub height: u32,
    /// How values become colours.
    pub scale: Scale,
}

/// Draws `matrix`. One without cells gives a picture without traffic.
///
/// # Errors
///
/// [`Error::InvalidArgument`] if a side is longer than [`MAX_SIDE`] or too short for anything beside the band, or if the
/// matrix has not one value per cell.
pub fn to_png(matrix: &Matrix, options: &PngOptions) -> Result<Vec<u8>, Error> {
    let (rows, columns) = (matrix.rows.len(), matrix.columns.len());
    if rows.checked_mul(columns) != Some(matrix.values.len()) {
        return Err(Error::InvalidArgument(format!("{} values are not {rows} rows x {columns} columns", matrix.values.len())));
    }
    let width = side("width", options.width, columns, BAND + GAP)?;
    let height = side("height", options.height, rows, 0)?;
    let mut picture = Vec::new();
    write(&mut picture, matrix, options.scale, width, height).map_err(|error| Error::Io(format!("PNG: {error}")))?;
    Ok(picture)
}

/// The length of a side that shows `cells` cells beside `fixed` pixels.
fn side(name: &str, wanted: u32, cells: usize, fixed: u32) -> Result<u32, Error> {
    if wanted == 0 {
        let cells = u32::try_from(cells).unwrap_or(MAX_SIDE).clamp(1, MAX_SIDE);
        let pixels = cells * (USUAL / cells).clamp(1, 32);
        return Ok((pixels + fixed).min(MAX_SIDE));
    }
    if (SMALLEST..=MAX_SIDE).contains(&wanted) {
        return Ok(wanted);
    }
    Err(Error::InvalidArgument(format!("the picture's {name} is {wanted}, not {SMALLEST} to {MAX_SIDE} pixels")))
}

/// Line by line, so that a large picture is never in memory uncompressed.
fn write(out: &mut Vec<u8>, matrix: &Matrix, scale: Scale, width: u32, height: u32) -> Result<(), ::png::EncodingError> {
    let mut encoder = ::png::Encoder::new(out, width, height);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    let mut stream = writer.stream_writer()?;
    let painter = Painter::new(matrix, scale, width - BAND - GAP);
    let mut line = vec![palette::NO_TRAFFIC; width as usize];
    let mut cells = Vec::new();
    let mut drawn = None;
    for y in 0..height {
        let rows = under(y, height, matrix.rows.len());
        if drawn.as_ref() != Some(&rows) {
            painter.cells(&rows, &mut cells);
            drawn = Some(rows.clone());
        }
        painter.line(y, &rows, &cells, &mut line);
        stream.write_all(line.as_flattened())?;
    }
    stream.finish()?;
    writer.finish()
}

/// What a pixel shows: the greatest value under it, and whether a cell under it is in conflict.
#[derive(Clone, Copy, Default)]
struct Shown {
    colour: Rgb,
    conflict: bool,
}

struct Painter<'a> {
    matrix: &'a Matrix,
    scale: Scale,
    greatest: u64,
    /// For each pixel across, the columns under it.
    columns: Vec<Range<usize>>,
}

impl<'a> Painter<'a> {
    fn new(matrix: &'a Matrix, scale: Scale, width: u32) -> Self {
        let columns = (0..width).map(|x| under(x, width, matrix.columns.len())).collect();
        Self { matrix, scale, greatest: matrix.values.iter().copied().max().unwrap_or(0), columns }
    }

    fn cells(&self, rows: &Range<usize>, cells: &mut Vec<Shown>) {
        cells.clear();
        cells.extend(self.columns.iter().map(|columns| {
            let values = rows.clone().flat_map(|i| &self.matrix.row_values(i)[columns.clone()]);
            let value = values.copied().max().unwrap_or(0);
            let conflicts = self.matrix.rows[rows.clone()].iter().filter_map(|row| row.conflicts.get(columns.clone()));
            Shown { colour: palette::colour(self.level(value)), conflict: conflicts.flatten().any(|&conflict| conflict) }
        }));
    }

    fn line(&self, y: u32, rows: &Range<usize>, cells: &[Shown], line: &mut [Rgb]) {
        let label = self.matrix.rows.get(rows.start).map(|row| palette::label_colour(&row.label));
        let (band, rest) = line.split_at_mut(BAND as usize);
        band.fill(label.unwrap_or(palette::NO_TRAFFIC));
        for (x, (pixel, shown)) in rest[GAP as usize..].iter_mut().zip(cells).enumerate() {
            let hatch = shown.conflict && (x + y as usize) % 6 < 2;
            *pixel = if hatch { [0xff; 3] } else { shown.colour };
        }
    }

    /// 0 for none, else 1 to 255.
    fn level(&self, value: u64) -> u8 {
        if value == 0 {
            return 0;
        }
        let measure = |value: u64| match self.scale {
            Scale::Linear => value as f64,
            Scale::Log => (value as f64).ln_1p(),
        };
        1 + (254.0 * measure(value) / measure(self.greatest)).round() as u8
    }
}

/// The entries, out of `entries` spread over `pixels` pixels, that pixel `p` shows: the one at its middle if entries are
/// no smaller than pixels, else all that it touches.
fn under(p: u32, pixels: u32, entries: usize) -> Range<usize> {
    let (p, pixels, entries) = (u64::from(p), u64::from(pixels), entries as u64);
    let range = if entries <= pixels {
        let entry = (2 * p + 1) * entries / (2 * pixels);
        entry..(entry + 1).min(entries)
    } else {
        p * entries / pixels..((p + 1) * entries).div_ceil(pixels)
    };
    range.start as usize..range.end as usize
}

#[cfg(test)]
mod tests;
