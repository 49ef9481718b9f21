//! The shape of traffic in time and along the keys, in numbers. What the numbers mean is in `verdict.rs`.

/// A series of column totals, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct TimeShape {
    pub columns: usize,
    pub total: f64,
    /// Standard deviation over mean.
    pub variation: f64,
    /// The share of the total that is in the busiest twentieth of the columns.
    pub peak_share: f64,
    /// The columns of that twentieth.
    pub peak_columns: usize,
}

/// How a series repeats itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Period {
    /// In columns.
    pub columns: usize,
    /// The autocorrelation at that distance. Two bursts alone don't reach a half.
    pub strength: f64,
}

/// How traffic lies along the keys, and whether it moves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct KeyShape {
    /// The parts of the route: at least as many, for idle ones at the end are not seen.
    pub parts: usize,
    /// Parts with traffic.
    pub active: usize,
    /// The hottest part, and its share.
    pub hottest: usize,
    pub hottest_share: f64,
    /// How far the middle of the traffic moved from begin to end, in parts; negative: down.
    pub travel: f64,
    /// That distance by the length of the way it took.
    pub straightness: f64,
    /// How far traffic was from the middle of its time, on average, in parts.
    pub spread: f64,
}

/// The busiest columns of a series: this share of them, rounded up.
const PEAK_PART: f64 = 0.05;

/// Stretches of time that the middle of the traffic is told for. Fewer, and a move is not seen; more, and chance is.
const EDGE_STRETCHES: usize = 16;

impl TimeShape {
    pub fn of(series: &[f64]) -> Self {
        let columns = series.len();
        let total: f64 = series.iter().sum();
        if total == 0.0 {
            return Self { columns, ..Self::default() };
        }
        let mean = total / columns as f64;
        let variance = series.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / columns as f64;
        let peak_columns = (columns as f64 * PEAK_PART).ceil() as usize;
        let mut sorted = series.to_vec();
        sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        let peak_share = sorted[..peak_columns].iter().sum::<f64>() / total;
        Self { columns, total, variation: variance.sqrt() / mean, peak_share, peak_columns }
    }
}

/// The newest columns, in which a period is looked for: all pairs of them are multiplied.
const PERIOD_COLUMNS: usize = 2048;

/// The period of a series, if it has one that fits in three times: the distance after which it is most like itself, past
/// the first one at which it is unlike itself (a slow change is like itself at any small distance).
pub(super) fn period(series: &[f64]) -> Option<Period> {
    let series = &series[series.len().saturating_sub(PERIOD_COLUMNS)..];
    let longest = series.len() / 3;
    let mean = series.iter().sum::<f64>() / series.len().max(1) as f64;
    let centred: Vec<f64> = series.iter().map(|value| value - mean).collect();
    let power = product(&centred, &centred);
    if power == 0.0 {
        return None;
    }
    let like = |distance: usize| product(&centred[distance..], &centred) / power;
    let likeness: Vec<f64> = (0..=longest).map(like).collect();
    let unlike = likeness.iter().position(|&likeness| likeness < 0.0)?;
    let most = likeness[unlike..].iter().copied().fold(0.0, f64::max);
    // Multiples of a period are like it: the first one that comes near is meant, and then its top.
    let near = likeness[unlike..].iter().position(|&likeness| likeness >= 0.9 * most && most > 0.0)? + unlike;
    let rising = likeness[near..].windows(2).take_while(|pair| pair[1] > pair[0]).count();
    let columns = near + rising;
    Some(Period { columns, strength: likeness[columns] })
}

/// The scalar product of two series, as far as both go; in eight sums, which the processor adds side by side.
fn product(a: &[f64], b: &[f64]) -> f64 {
    let len = a.len().min(b.len());
    let (a, b) = (a[..len].chunks_exact(8), b[..len].chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0; 8];
    for (a, b) in a.zip(b) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum::<f64>() + rest
}

impl KeyShape {
    /// `parts`: the number and the columns of each part that has a row, by number.
    pub fn of(parts: &[(usize, &[u64])]) -> Self {
        let totals: Vec<f64> = parts.iter().map(|(_, values)| values.iter().map(|&value| value as f64).sum()).collect();
        let total: f64 = totals.iter().sum();
        let Some(hottest) = (0..parts.len()).max_by(|&a, &b| totals[a].total_cmp(&totals[b])) else {
            return Self::default();
        };
        if total == 0.0 {
            return Self::default();
        }
        let (travel, straightness, spread) = movement(parts);
        Self {
            parts: parts.iter().map(|&(part, _)| part + 1).max().unwrap_or(0),
            active: totals.iter().filter(|&&total| total > 0.0).count(),
            hottest: parts[hottest].0,
            hottest_share: totals[hottest] / total,
            travel,
            straightness,
            spread,
        }
    }
}

/// Travel, straightness and spread of the middle of the traffic.
fn movement(parts: &[(usize, &[u64])]) -> (f64, f64, f64) {
    let columns = parts.first().map_or(0, |(_, values)| values.len());
    let stretches = columns.min(EDGE_STRETCHES);
    let (mut middles, mut apart, mut all) = (Vec::new(), 0.0, 0.0);
    for stretch in 0..stretches {
        let span = stretch * columns / stretches..(stretch + 1) * columns / stretches;
        let weigh = |&(part, values): &(usize, &[u64])| {
            (part as f64, values[span.clone()].iter().map(|&value| value as f64).sum::<f64>())
        };
        let weights: Vec<(f64, f64)> = parts.iter().map(weigh).collect();
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        if total > 0.0 {
            let middle = weights.iter().map(|(part, weight)| part * weight).sum::<f64>() / total;
            apart += weights.iter().map(|(part, weight)| (part - middle).abs() * weight).sum::<f64>();
            all += total;
            middles.push(middle);
        }
    }
    let (Some(first), Some(last)) = (middles.first(), middles.last()) else { return (0.0, 0.0, 0.0) };
    let way: f64 = middles.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    let travel = last - first;
    (travel, if way > 0.0 { travel.abs() / way } else { 0.0 }, apart / all)
}
