//! See [`crate::reading`].

use crochet_wallet::WalletAddress;
use serde_json::Value;

use super::rpc;
use crate::reading::Landed;

pub(crate) fn landed(answer: &Value, account: &WalletAddress, mint: &WalletAddress) -> Option<Option<Landed>> {
    match rpc::Landed::read(answer.clone())? {
        rpc::Shown::Nothing | rpc::Shown::NoPayment => Some(None),
        rpc::Shown::Landed(landed) => Some(Some(Landed {
            slot: landed.slot,
            is_failed: landed.is_failed,
            arrived: landed.arrived(account, mint),
            message_hash: landed.transaction.message_hash,
        })),
    }
}
