//! Rate limits: classes, quotas, and the port that counts.
