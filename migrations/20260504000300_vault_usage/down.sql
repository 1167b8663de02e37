DROP TABLE vault_usage;
