//! The large capture for measurements.
