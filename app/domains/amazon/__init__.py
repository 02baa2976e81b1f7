"""Amazon's Selling Partner and Ads APIs."""
