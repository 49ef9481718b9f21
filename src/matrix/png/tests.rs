use super::*;
use crate::label::Series;
use crate::matrix::MatrixRow;
use proptest::prelude::*;

fn matrix(labels: &[&str], columns: usize, values: Vec<u64>) -> Matrix {
    let rows = labels
        .iter()
        .enumerate()
        .map(|(i, label)| MatrixRow { id: format!("route:{i}:{label}"), label: label.to_string(), ..MatrixRow::default() });
    Matrix {
        series: Series::Writes,
        columns: (0..columns as i64).collect(),
        rows: rows.collect(),
        values,
        generated_at_ns: 0,
        node: String::new(),
        fanout: None,
    }
}

struct Picture {
    width: usize,
    pixels: Vec<Rgb>,
}

impl Picture {
    fn at(&self, x: u32, y: u32) -> Rgb {
        self.pixels[y as usize * self.width + x as usize]
    }
}

fn decode(bytes: &[u8]) -> Picture {
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut buffer).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (::png::ColorType::Rgb, ::png::BitDepth::Eight));
    Picture { width: info.width as usize, pixels: buffer.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect() }
}

fn draw(matrix: &Matrix, width: u32, height: u32, scale: Scale) -> Picture {
    decode(&to_png(matrix, &PngOptions { width, height, scale }).unwrap())
}

#[test]
fn each_cell_has_its_colour_and_each_row_its_label() {
    let matrix = matrix(&["redis", "s3"], 3, vec![0, 127, 254, 1, 0, 254]);
    let picture = draw(&matrix, BAND + GAP + 30, 20, Scale::Linear);
    let cell = |row: u32, column: u32| picture.at(BAND + GAP + 10 * column + 5, 10 * row + 5);
    assert_eq!([cell(0, 0), cell(0, 1), cell(0, 2)], [0, 128, 255].map(palette::colour));
    assert_eq!([cell(1, 0), cell(1, 1), cell(1, 2)], [2, 0, 255].map(palette::colour));
    assert_eq!([picture.at(0, 0), picture.at(BAND - 1, 19)], ["redis", "s3"].map(palette::label_colour));
    assert_eq!(picture.at(BAND, 5), palette::NO_TRAFFIC);
}

#[test]
fn the_logarithmic_scale_lifts_what_is_small() {
    let matrix = matrix(&[""], 2, vec![1000, u64::MAX]);
    let small = |scale| draw(&matrix, BAND + GAP + 2, SMALLEST, scale).at(BAND + GAP, 0);
    assert_eq!(small(Scale::Linear), palette::colour(1));
    assert_eq!(small(Scale::Log), palette::colour(41), "254 * ln(1001) / ln(2^64) is 39.6");
}

#[test]
fn a_cell_in_conflict_is_hatched() {
    let mut matrix = matrix(&[""], 2, vec![5, 5]);
    matrix.rows[0].conflicts = vec![false, true];
    let picture = draw(&matrix, BAND + GAP + 40, 20, Scale::Log);
    let white = |columns: Range<u32>| columns.filter(|&x| picture.at(BAND + GAP + x, 3) == [0xff; 3]).count();
    assert_eq!(white(0..20), 0);
    assert!((5..10).contains(&white(20..40)));
}

#[test]
fn without_a_size_all_cells_are_equally_large() {
    let bytes = to_png(&matrix(&["", "s3"], 100, vec![1; 200]), &PngOptions::default()).unwrap();
    let picture = decode(&bytes);
    assert_eq!((picture.width, picture.pixels.len() / picture.width), ((BAND + GAP) as usize + 1000, 64));
    let long = to_png(&matrix(&[""], 100_000, vec![1; 100_000]), &PngOptions::default()).unwrap();
    assert_eq!(decode(&long).width, MAX_SIDE as usize);
}

#[test]
fn an_empty_matrix_is_a_picture_without_traffic() {
    for empty in [matrix(&[], 0, vec![]), matrix(&[""], 0, vec![]), matrix(&[], 5, vec![]), matrix(&[""], 1, vec![0])] {
        let picture = draw(&empty, 20, 20, Scale::Log);
        assert!((0..20).all(|y| (BAND..20).all(|x| picture.at(x, y) == palette::NO_TRAFFIC)));
    }
}

#[test]
fn sizes_that_make_no_picture_are_refused() {
    let matrix = matrix(&[""], 1, vec![1]);
    for side in [1, SMALLEST - 1, MAX_SIDE + 1, u32::MAX] {
        for (width, height) in [(side, 100), (100, side)] {
            let refused = to_png(&matrix, &PngOptions { width, height, ..PngOptions::default() });
            assert!(matches!(refused, Err(Error::InvalidArgument(what)) if what.contains(&side.to_string())));
        }
    }
    let torn = Matrix { values: vec![1, 2], ..matrix };
    assert!(matches!(to_png(&torn, &PngOptions::default()), Err(Error::InvalidArgument(_))));
}

proptest! {
    #[test]
    fn no_hot_cell_vanishes(rows in 1usize..60, columns in 1usize..60, hot in any::<prop::sample::Index>(), width in SMALLEST..50, height in SMALLEST..50) {
        let mut values = vec![1; rows * columns];
        values[hot.index(rows * columns)] = 1_000_000;
        let picture = draw(&matrix(&vec![""; rows], columns, values), width, height, Scale::Linear);
        prop_assert!(picture.pixels.contains(&palette::colour(255)));
    }

    #[test]
    fn the_same_matrix_gives_the_same_bytes(values in prop::collection::vec(any::<u64>(), 12)) {
        let matrix = matrix(&["", "redis", "new"], 4, values);
        prop_assert_eq!(to_png(&matrix, &PngOptions::default()).unwrap(), to_png(&matrix, &PngOptions::default()).unwrap());
    }
}
