//! The archive: what a provider runs. Nothing stands here yet: reports do not leave a sensor in this version, and a
//! room that nothing needs is not built in advance. The rooms to come are listed in README, "What comes next".
