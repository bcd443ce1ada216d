//! Weights of the score that tells keys.
//!
//! Fitted on random pieces that were composed and rendered for it: songs for a band in eighteen styles, the same styles
//! over plain harmony and over one that puts the key in doubt, keyboard pieces, baroque ones among them, and songs of the demo's synthesiser. No recorded music and
//! no clip of an evaluation kit took part. Not edited by hand; made from the repository's root by
//!
//! ```text
//! python3 eval/tools/make_training_clips.py BAND FluidR3_GM.sf2 540 0 300000
//! python3 eval/tools/make_training_clips.py PLAIN FluidR3_GM.sf2 360 0 1100000 plain
//! python3 eval/tools/make_training_clips.py HARMONY FluidR3_GM.sf2 540 0 1000000 harmony
//! python3 eval/tools/make_training_clips.py KEYBOARD FluidR3_GM.sf2 0 300 300000
//! python3 eval/tools/make_training_clips.py BAROQUE FluidR3_GM.sf2 0 180 700000 baroque
//! python3 eval/tools/make_training_clips.py DIMINUTION FluidR3_GM.sf2 0 120 900000 diminution
//! cargo run --release -p leitmotif-eval -- songs --out SONGS --seed 60000 --count 20
//! cargo run --release -p leitmotif-eval -- audio --data CLIPS --verbose --keys > KEYS
//! python3 eval/tools/fit_key_weights.py crates/analysis/src/audio/key_weights.rs KEYS
//! cargo fmt --all
//! ```
//!
//! The clips of all seven folders are read and what is printed is given in this order.

use super::key_features::{KeyWeights, ModeWeights};

/// Scores keys by their profiles.
#[rustfmt::skip]
pub(crate) static KEY_WEIGHTS: KeyWeights = KeyWeights {
    centres: [0.0833, 0.0833, -0.0, 0.12, 0.0, 0.12, 0.0, 0.12, 0.0444, 0.0389, 0.0408, 0.0425],
    scales: [16.7533, 8.0636, 1.9811, 2.2723, 2.4116, 2.7661, 2.3267, 2.5323, 13.1232, 14.3498, 8.5963, 8.3805],
    major: ModeWeights {
        degrees: [
            [0.2827, -0.1522, -0.0219, -0.1606, 0.0852, 0.242, -0.2126, 0.1673, -0.1878, 0.1518, -0.3252, 0.1466],
            [0.229, -0.0678, -0.009, 0.0063, -0.103, 0.2618, -0.1328, 0.1936, -0.1298, 0.1007, -0.2473, 0.0724],
            [0.7696, -0.1388, 0.0188, -0.119, 0.0203, 0.172, -0.1958, 0.1772, -0.0981, 0.0393, -0.0113, -0.1055],
            [0.126, -0.1008, 0.0765, -0.2491, 0.2149, 0.0785, -0.0687, -0.0091, -0.1486, 0.2196, -0.1308, -0.0126],
            [0.6933, -0.1701, -0.0009, -0.1036, -0.0089, 0.1747, -0.1983, 0.191, -0.1534, 0.0528, 0.0193, -0.1016],
            [0.1331, -0.1442, 0.1091, -0.2108, 0.2375, 0.0295, -0.0928, -0.0429, -0.1697, 0.2407, -0.1507, -0.0034],
            [0.3155, -0.05, -0.0488, -0.0158, 0.0761, -0.0303, -0.1103, -0.0031, 0.0212, -0.0246, 0.0025, 0.0306],
            [0.0736, 0.0522, -0.0276, -0.0198, 0.0889, 0.0711, -0.16, -0.0952, 0.0332, 0.1296, -0.0901, 0.0161],
            [0.5126, -0.0282, -0.4189, -0.1028, -0.2979, 0.3165, 0.0596, 0.4387, -0.0602, 0.0899, -0.3514, -0.027],
            [0.0131, -0.0827, 0.0915, 0.01, -0.0558, -0.0865, -0.0828, -0.3131, -0.0502, 0.1374, -0.0669, -0.0979],
            [0.3578, 0.0153, -0.0884, -0.02, 0.1024, -0.1435, 0.0753, -0.2546, 0.0073, 0.0452, 0.052, 0.0937],
            [0.0038, 0.0295, 0.0635, 0.0667, -0.183, -0.0057, -0.0106, -0.1299, 0.0778, -0.2643, 0.0106, -0.06],
        ],
        offset: -0.5255,
    },
    minor: ModeWeights {
        degrees: [
            [0.2173, -0.3169, 0.1684, 0.2242, -0.1741, -0.0781, -0.1306, -0.0556, 0.3296, -0.2333, -0.0544, 0.1359],
            [0.1556, -0.1685, 0.1036, -0.1003, -0.0413, -0.0668, -0.0882, -0.1105, 0.0596, 0.0634, -0.1069, 0.0677],
            [0.1959, -0.1227, -0.1285, 0.2344, -0.0974, 0.0706, -0.2108, 0.199, 0.2113, -0.2464, 0.0866, -0.0524],
            [0.7771, -0.1821, -0.1414, 0.0463, 0.0245, 0.107, -0.273, 0.141, 0.1539, 0.055, -0.2303, -0.0978],
            [0.164, -0.1805, -0.0829, 0.1896, -0.0921, -0.0064, -0.1705, 0.1789, 0.1404, -0.2274, 0.0952, -0.0497],
            [0.676, -0.2123, -0.0734, 0.076, 0.0542, 0.0765, -0.237, 0.1586, 0.1115, 0.027, -0.2939, -0.0449],
            [0.0568, -0.0909, -0.0655, 0.0469, -0.0217, 0.0511, -0.1451, -0.0207, 0.1182, -0.0282, 0.0842, -0.0353],
            [0.3608, 0.0261, -0.0581, 0.0415, -0.0007, -0.0413, -0.1522, 0.0538, -0.037, 0.223, -0.0534, -0.1433],
            [-0.1488, -0.2109, -0.2304, -0.289, -0.1001, -0.4535, -0.176, 0.5303, 0.2812, -0.14, 0.2624, 0.0218],
            [0.5526, 0.0066, -0.2559, -0.198, 0.022, 0.2985, -0.0883, -0.1488, 0.1052, -0.0938, -0.3188, 0.0125],
            [0.04, 0.0032, -0.0582, -0.1135, -0.0239, -0.0416, 0.0338, -0.1895, 0.0478, -0.0569, -0.1253, -0.0397],
            [0.4737, 0.0263, 0.0221, -0.1404, -0.0779, -0.0207, 0.0272, -0.2849, 0.0086, 0.1685, -0.117, -0.0599],
        ],
        offset: 0.8291,
    },
};

/// Weight of a key's lead in the log odds that it is right, and the offset: fitted on each composer's music as told by
/// weights that had heard the others alone.
pub(crate) static KEY_CONFIDENCE: [f64; 2] = [0.7317, -0.192];
