//! What is done to every weight of a model while it is read: as long as it takes, the first image waits.

/// Appends numbers of 32 bits, as they lie in a file.
#[inline(never)]
pub fn read_floats(bytes: &[u8], to: &mut Vec<f32>) {
    to.extend(bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])));
}

/// Appends integers of 1, 2 or 4 bytes, as they lie in a file.
#[inline(never)]
pub fn read_integers(bytes: &[u8], size: usize, to: &mut Vec<i32>) {
    match size {
        1 => to.extend(bytes.iter().map(|&byte| i32::from(byte as i8))),
        2 => to.extend(bytes.chunks_exact(2).map(|two| i32::from(i16::from_le_bytes([two[0], two[1]])))),
        _ => to.extend(bytes.chunks_exact(4).map(|four| i32::from_le_bytes([four[0], four[1], four[2], four[3]]))),
    }
}

/// The first that is NaN or infinite.
#[inline(never)]
pub fn not_finite(values: &[f32]) -> Option<usize> {
    values.iter().position(|value| !value.is_finite())
}

/// The first that is not from `low` to `high`.
#[inline(never)]
pub fn outside(values: &[i32], low: i32, high: i32) -> Option<usize> {
    values.iter().position(|&value| value < low || value > high)
}

/// Adds to each sum the magnitude of its weight, so many times.
#[inline(never)]
pub fn add_magnitudes(sums: &mut [i64], weights: &[i32], times: i64) {
    for (sum, &weight) in sums.iter_mut().zip(weights) {
        *sum += i64::from(weight).abs() * times;
    }
}

/// Makes each number as large as the magnitude of its weight.
#[inline(never)]
pub fn raise(most: &mut [i64], weights: &[i32]) {
    for (most, &weight) in most.iter_mut().zip(weights) {
        *most = (*most).max(i64::from(weight).abs());
    }
}

/// Adds to each sum the magnitude of its weight times a source's, and, apart, the same of weights above 0 alone.
#[inline(never)]
pub fn add_bounds(sums: &mut [(f64, f64)], weights: &[f32], source: f64) {
    for ((sum, passed), &weight) in sums.iter_mut().zip(weights) {
        *sum += f64::from(weight.abs()) * source;
        *passed += relu(f64::from(weight)) * source;
    }
}

/// `x > 0 ? x : +0`, by its bits: where relaxed SIMD is allowed, compilers make a relaxed instruction of a loop of `max`.
pub fn relu(x: f64) -> f64 {
    f64::from_bits((x.to_bits() as i64).max(0) as u64)
}
