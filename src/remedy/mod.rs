//! What to change: DHCP options by platform ([`dhcp`]), the phone's own menu and files ([`phone`]), switch ports
//! ([`network`]). Whether it helped: [`recovery`] judges what phones do afterwards by the [`plan`], [`probe`] asks the
//! servers themselves.
//!
//! A fix names who can do it and on which box, the value now and the value then, the way back, and how to see that it
//! worked. It holds the operator's own addresses; where one is not known there is no text to paste, only steps.

pub mod configuration;
pub mod dhcp;
pub mod dhcp_config;
pub mod keypad;
pub mod load_route;
pub mod load_status;
pub mod network;
pub mod pack;
pub mod phone;
pub mod plan;
pub mod plan_file;
pub mod probe;
pub mod recovery;
pub mod rejection;
pub mod trust_list;
pub mod what_if;
