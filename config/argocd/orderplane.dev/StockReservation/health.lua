-- What Argo CD shows of a StockReservation.
local hs = { status = "Progressing", message = "waits for the stock controller" }
local status = obj.status
if status == nil or status.phase == nil or status.phase == "Pending" then
  return hs
end
hs.message = status.phase
if status.phase == "Rejected" then
  hs.status = "Degraded"
  for _, s in ipairs(status.shortages or {}) do
    hs.message = hs.message .. "; " .. s.productID .. ": " .. s.requested .. " asked, " .. s.available .. " available"
  end
  return hs
end
local wanted = { Commit = "Committed", Release = "Released", Restock = "Restocked" }
local to = wanted[obj.spec.intent]
-- A reservation with a time to live may be Released whatever its intent was.
if to == nil or to == status.phase or status.phase == "Released" then
  hs.status = "Healthy"
end
return hs
