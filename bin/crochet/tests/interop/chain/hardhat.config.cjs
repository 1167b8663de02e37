// Base Sepolia as far as its number goes; blocks come every second, as long as the chain is used by this test alone.
module.exports = {
  solidity: "0.8.37",
  networks: { hardhat: { chainId: 84532, mining: { auto: false, interval: 1000 }, loggingEnabled: false } },
};
