//! A layer as the tiles read it.

use crate::PANEL;
use crate::lanes::Lanes;
use crate::rounding::RowParts;
use crate::tiles::SHORT;
use std::ops::Deref;

/// A layer's weights in the order in which the tiles read them.
#[derive(Clone, Debug)]
pub struct Packing<A: Lanes> {
    /// `[panel][tap, channel / STEP][PANEL][STEP]`, the taps those that are not hot.
    pub weights: Vec<A::Value>,
    /// `[sums]`, of integers: what each is multiplied with.
    pub scales: Vec<f32>,
    /// `[sums]`, of integers: of each output, what 2^15 parts of it a kernel reads, where more than that is kept.
    pub parts: Vec<i16>,
    /// `[class][sums]`: what they begin with; empty where that is another layer's outputs.
    pub starts: Vec<A::Sum>,
    /// Where a row of those begins.
    pub start_at: usize,
    /// `[hot tap, level][sums]`.
    pub hot: Vec<A::Sum>,
    /// (hot tap) -> its first row.
    pub hot_rows: Vec<u32>,
    /// Whether a level is multiplied with the only row of a tap.
    pub factor: bool,
    /// (other tap) -> values it reads; never 0.
    pub values: Vec<u32>,
    /// Steps of the k-loop, over all taps.
    pub depth: usize,
    /// Padded.
    pub sums: usize,
    /// Sums of an output.
    pub each: usize,
    /// Not padded.
    pub outputs: usize,
    /// Values of a row of outputs.
    pub row: usize,
    /// Where a row that is added has what.
    pub residual: RowParts,
    /// How outputs are made of sums.
    pub rounding: A::Rounding,
}

/// A [`Packing`] that fits together. It stays as it is, since the tiles rely on it.
#[derive(Clone, Debug)]
pub struct PackedLayer<A: Lanes> {
    packing: Packing<A>,
    pub(crate) group: usize,   // steps whose products may be added in 16 bits
    pub(crate) longest: usize, // values that a tap reads, of taps that are not hot
    pub(crate) finished: bool, // whether tiles make outputs of sums
}

impl<A: Lanes> Deref for PackedLayer<A> {
    type Target = Packing<A>;

    fn deref(&self) -> &Packing<A> {
        &self.packing
    }
}

impl<A: Lanes> PackedLayer<A> {
    /// # Panics
    /// Where lists are not as long as they say of each other, or a row is shorter than what is written there.
    pub fn new(packing: Packing<A>) -> PackedLayer<A> {
        // Steps that are copied go on from tap to tap, where groups of them would have to be looked at again.
        const { assert!(!A::COPIED || A::MOST_STEPS == 1) };
        let Packing { sums, depth, row, residual, rounding, .. } = packing;
        assert!(sums % PANEL == 0 && packing.weights.len() == sums * depth * A::STEP);
        let values = packing.values.iter().map(|&values| values as usize);
        assert!(values.clone().all(|values| values % A::STEP == 0) && values.clone().sum::<usize>() == depth * A::STEP);
        assert!(!A::INTEGERS || packing.scales.len() >= sums && packing.parts.len() >= sums);
        let (written, added) = A::reach(rounding, sums);
        assert!(written <= row && residual.kept + added <= residual.len);
        let longest = values.max().unwrap_or(0);
        let mut layer = PackedLayer { packing, group: A::most_steps(), longest, finished: A::finished(rounding) };
        while layer.group > 1 && !layer.fits(layer.group) {
            // Such that a short group never lies in two of them.
            layer.group -= if layer.group > SHORT { SHORT } else { 1 };
        }
        layer
    }

    /// Whether products of so many steps stay within 16 bits when they are added up, whatever the inputs: whole groups from each tap's
    /// first step on, or less of one where what follows is zeros.
    fn fits(&self, group: usize) -> bool {
        self.weights.chunks_exact((self.depth * PANEL * A::STEP).max(1)).all(|panel| {
            let mut at = 0;
            self.values.iter().all(|&values| {
                let tap = &panel[at..at + values as usize * PANEL];
                at += values as usize * PANEL;
                tap.chunks(group * PANEL * A::STEP).all(A::stays_within_16_bits)
            })
        })
    }

    /// Taps, over all inputs.
    pub fn taps(&self) -> usize {
        self.hot_rows.len() + self.values.len()
    }
}
